import { describe, expect, it } from 'vitest'
import type { UnitView } from './api'
import { Fixes, fixAge, qualityNow, shownQuality, silentFor } from './units'

const NOW = Date.parse('2026-11-20T20:00:00Z')

function unit(changes: Partial<UnitView> = {}): UnitView {
  return {
    id: 'u', call_sign: 'U1', plate: '', kind: 'basic', tracking: 'app', capabilities: [], phone: null, status: 'available', rostered: true,
    unavailable_reason: null, unavailable_until: null, assignment_id: null, assignment_state: null, incident_id: null, incident_number: null,
    lon: 107, lat: -6, place_source: 'fix', position_quality: 'live', fixed_at: new Date(NOW - 10_000).toISOString(), fix_age_s: 10,
    speed_ms: null, heading_deg: null, road_lon: null, road_lat: null, soon_free: false, ...changes,
  }
}
const fix = { id: 'u', lon: 107.5, lat: -6.5, age_s: 2, speed_ms: 3, heading_deg: 90 }

describe('Fixes', () => {
  it('overtake the board when they are newer, and never when they are older', () => {
    const fixes = new Fixes()
    fixes.take(new Date(NOW).toISOString(), [fix])
    expect(fixes.over([unit()])[0]?.lon).toBe(107.5)
    fixes.take(new Date(NOW).toISOString(), [{ ...fix, lon: 100, age_s: 60 }])
    expect(fixes.over([unit()])[0]?.lon).toBe(107.5)
    expect(fixes.over([unit({ fixed_at: new Date(NOW - 1000).toISOString() })])[0]?.lon).toBe(107)
  })

  it('of a server clock that was ahead give way to what it says once it is right', () => {
    const fixes = new Fixes()
    const board = unit({ fixed_at: new Date(NOW - 1000).toISOString() })
    fixes.take(new Date(NOW + 900_000).toISOString(), [fix])
    expect(fixes.over([board])[0]?.lon).toBe(107.5)
    fixes.take(new Date(NOW + 5000).toISOString(), [{ ...fix, lon: 107.6 }])
    const [shown] = fixes.over([board])
    expect(shown?.lon).toBe(107.6)
    expect(shown && fixAge(shown, NOW + 5000)).toBe(2)
    // one that has told nothing since is where the board has it, by whichever word comes first
    for (const word of [() => fixes.take(new Date(NOW).toISOString(), []), () => fixes.told(new Date(NOW).toISOString())]) {
      fixes.take(new Date(NOW + 900_000).toISOString(), [fix])
      word()
      expect(fixes.over([board])[0]).toBe(board)
    }
  })

  it('are kept while two servers differ by seconds', () => {
    const fixes = new Fixes()
    fixes.take(new Date(NOW + 10_000).toISOString(), [fix])
    fixes.take(new Date(NOW).toISOString(), [{ ...fix, lon: 100 }])
    expect(fixes.over([unit()])[0]?.lon).toBe(107.5)
  })

  it('show a unit without an app by its own tracker, as long as that speaks', () => {
    const fixes = new Fixes()
    fixes.take(new Date(NOW).toISOString(), [fix])
    const manual = unit({ tracking: 'manual', place_source: 'base', fixed_at: null })
    expect(fixes.over([manual], NOW)[0]?.lon).toBe(107.5)
    expect(new Fixes().over([manual], NOW)[0]?.lon).toBe(107)
    const late = new Fixes()
    late.take(new Date(NOW).toISOString(), [fix])
    expect(late.over([manual], NOW + 200_000)[0]?.lon).toBe(107)
  })
})

describe('quality', () => {
  it('grows old by the clock of now: after 90 s on a run, after 300 s idle', () => {
    expect(qualityNow(unit(), NOW + 289_000)).toBe('live')
    expect(qualityNow(unit(), NOW + 291_000)).toBe('old')
    expect(qualityNow(unit({ assignment_id: 'a' }), NOW + 81_000)).toBe('old')
    expect(qualityNow(unit({ place_source: 'base', fixed_at: null }), NOW)).toBe('assumed')
    expect(fixAge(unit({ place_source: 'last_cleared' }), NOW)).toBeUndefined()
  })
})

describe('silence', () => {
  const said = NOW - 10_000
  it('is three missed fixes: 15 s on a run, 180 s idle', () => {
    expect(silentFor(unit(), said + 180_000)).toBeUndefined()
    expect(silentFor(unit(), said + 181_000)).toBe(181)
    expect(silentFor(unit({ assignment_id: 'a' }), said + 16_000)).toBe(16)
  })

  it('makes a place old however young it is, and so does a desk that is cut off itself', () => {
    const running = unit({ assignment_id: 'a' })
    expect(shownQuality(running, said + 14_000, said + 14_000)).toBe('live')
    expect(shownQuality(running, said + 16_000, said + 16_000)).toBe('old')
    expect(shownQuality(running, said + 20_000, said + 5_000)).toBe('live')
    expect(shownQuality(running, said + 21_000, said + 5_000)).toBe('old')
    expect(shownQuality(unit({ place_source: 'base', fixed_at: null }), NOW, NOW)).toBe('assumed')
  })

  it('is nothing that a unit off duty or without the app can be reproached with', () => {
    expect(silentFor(unit({ status: 'off_shift' }), NOW + 9_000_000)).toBeUndefined()
    expect(silentFor(unit({ tracking: 'manual' }), NOW + 9_000_000)).toBeUndefined()
    expect(silentFor(unit({ fixed_at: null, place_source: 'base' }), NOW)).toBeUndefined()
  })
})
