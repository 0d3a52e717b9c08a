import { describe, expect, it } from 'vitest'
import { GLIDE_MS, Motion } from './motion'
import type { MapUnit } from './types'

function unit(id: string, lon: number, lat = -6.5): MapUnit {
  return { id, callSign: id, lon, lat, status: 'available', quality: 'live' }
}

describe('Motion', () => {
  it('shows a new unit at once where it is', () => {
    const motion = new Motion()
    motion.take([unit('a', 107.4)], 0)
    expect(motion.moving(0)).toBe(false)
    expect(motion.at(0)[0]?.place).toEqual({ lon: 107.4, lat: -6.5 })
  })

  it('glides to the next fix and then rests', () => {
    const motion = new Motion()
    motion.take([unit('a', 107.4)], 0)
    motion.take([unit('a', 107.402)], 5000)
    expect(motion.at(5000)[0]?.place.lon).toBeCloseTo(107.4, 9)
    expect(motion.at(5000 + GLIDE_MS / 2)[0]?.place.lon).toBeCloseTo(107.401, 9)
    expect(motion.at(5000 + GLIDE_MS)[0]?.place.lon).toBe(107.402)
    expect(motion.moving(5000 + GLIDE_MS - 1)).toBe(true)
    expect(motion.moving(5000 + GLIDE_MS)).toBe(false)
  })

  it('goes on from where the marker is when a fix comes early', () => {
    const motion = new Motion()
    motion.take([unit('a', 107.4)], 0)
    motion.take([unit('a', 107.402)], 1000)
    motion.take([unit('a', 107.404)], 1500)
    expect(motion.at(1500)[0]?.place.lon).toBeCloseTo(107.401, 9)
  })

  it('does not begin again when the same fix is told twice', () => {
    const motion = new Motion()
    motion.take([unit('a', 107.4)], 0)
    motion.take([unit('a', 107.402)], 1000)
    motion.take([{ ...unit('a', 107.402), status: 'busy' }], 1500)
    expect(motion.at(1500)[0]?.place.lon).toBeCloseTo(107.401, 9)
    expect(motion.at(1500)[0]?.unit.status).toBe('busy')
  })

  it('jumps when gliding would pretend a drive', () => {
    const motion = new Motion()
    motion.take([unit('a', 107.4)], 0)
    motion.take([unit('a', 107.5)], 1000)
    expect(motion.moving(1000)).toBe(false)
    expect(motion.at(1000)[0]?.place.lon).toBe(107.5)
  })

  it('jumps for those who want no motion, and forgets units that are gone', () => {
    const motion = new Motion(true)
    motion.take([unit('a', 107.4), unit('b', 107.4)], 0)
    motion.take([unit('a', 107.402)], 1000)
    expect(motion.moving(1000)).toBe(false)
    expect(motion.at(1000).map(({ unit: { id }, place }) => [id, place.lon])).toEqual([['a', 107.402]])
  })

  it('asks for a drawing only when something would look different', () => {
    const motion = new Motion()
    const reach = 0.0005
    motion.take([unit('a', 107.4), unit('b', 107.5)], 0)
    expect(motion.outdated(0, reach)).toBe(true)
    motion.draw(0)
    motion.take([unit('a', 107.4004), unit('b', 107.5)], 1000)
    expect(motion.outdated(1000 + GLIDE_MS, reach)).toBe(false)
    motion.take([unit('a', 107.4008), unit('b', 107.5)], 3000)
    expect(motion.outdated(3000, reach)).toBe(false)
    expect(motion.outdated(3000 + GLIDE_MS, reach)).toBe(true) // what moved before was not drawn
    motion.draw(3000 + GLIDE_MS)
    motion.take([unit('a', 107.4008), { ...unit('b', 107.5), status: 'busy' }], 5000)
    expect(motion.outdated(5000, reach)).toBe(true)
    motion.draw(5000)
    motion.take([unit('a', 107.4008)], 6000)
    expect(motion.outdated(6000, reach)).toBe(true)
  })

  it('takes a turning arrow for news, a trembling one not', () => {
    const motion = new Motion()
    const heading = (degrees: number | null): MapUnit[] => [{ ...unit('a', 107.4), heading: degrees }]
    motion.take(heading(358), 0)
    motion.draw(0)
    motion.take(heading(3), 1000)
    expect(motion.outdated(1000, 1)).toBe(false)
    motion.take(heading(20), 2000)
    expect(motion.outdated(2000, 1)).toBe(true)
    motion.take(heading(null), 3000)
    expect(motion.outdated(3000, 1)).toBe(true)
  })
})
