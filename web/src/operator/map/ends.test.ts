import { beforeAll, describe, expect, it, vi } from 'vitest'
import type { IncidentRow, LegView, RunView, UnitView } from '../state/api'

type Ends = typeof import('./ends')
let wayOf: Ends['wayOf']

beforeAll(async () => {
  vi.stubGlobal('localStorage', { getItem: () => null, setItem: () => undefined, removeItem: () => undefined })
  vi.stubGlobal('document', { documentElement: { lang: '', dataset: {} } })
  wayOf = (await import('./ends')).wayOf
})

const scene = { lon: 107.44, lat: -6.55 }
const hospital = { lon: 107.5, lat: -6.6 }
const incident = { place: scene, speed_factor: 20 } as IncidentRow
const tracked = { id: 'u', call_sign: 'A-1', lon: 107.4, lat: -6.5, place_source: 'fix' } as UnitView
const leg = { state: 'transporting', facility_id: 'f', facility: 'RSUD', place: hospital } as LegView
const run = (state: string, changes: object = {}): RunView => ({ unit_id: 'u', state, legs: [], ...changes } as unknown as RunView)
const unitOf = (id: string): UnitView | undefined => (id === 'u' ? tracked : id === 'v' ? { ...tracked, id: 'v', call_sign: 'B-1' } : undefined)

describe('the way of a case', () => {
  it('leads from the unit that is sent to the scene', () => {
    expect(wayOf(incident, [run('en_route')], undefined, unitOf))
      .toMatchObject({ from: { lon: 107.4, lat: -6.5 }, to: scene, sign: 'A-1', pace: 20 })
  })

  it('leads to the facility once the patient is aboard, and nowhere while nobody drives', () => {
    expect(wayOf(incident, [run('left_scene', { legs: [leg] })], undefined, unitOf)).toMatchObject({ to: hospital, goal: 'RSUD' })
    expect(wayOf(incident, [run('at_patient')], undefined, unitOf)).toBeUndefined()
    expect(wayOf(incident, [run('left_scene', { legs: [{ ...leg, place: null }] })], undefined, unitOf)).toBeUndefined()
  })

  it('begins at the scene for a unit that nobody can see', () => {
    const hidden = { ...tracked, place_source: 'base' }
    expect(wayOf(incident, [run('left_scene', { legs: [leg] })], undefined, () => hidden)?.from).toEqual(scene)
    expect(wayOf(incident, [run('en_route')], undefined, () => hidden)?.from).toEqual({ lon: 107.4, lat: -6.5 })
  })

  it('is that of a candidate while it is looked at, and another one for another unit or target', () => {
    const looked = wayOf(incident, [run('en_route')], 'v', unitOf)
    expect(looked).toMatchObject({ sign: 'B-1', to: scene })
    expect(looked?.key).not.toBe(wayOf(incident, [run('en_route')], undefined, unitOf)?.key)
  })
})
