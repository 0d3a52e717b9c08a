import { describe, expect, it } from 'vitest'
import type { IncidentRow, RunView } from './api'
import { expectedAt, needsUnit, promiseOf, served } from './timers'

const CALLED = Date.parse('2026-11-20T20:00:00Z')
const at = (seconds: number): string => new Date(CALLED + seconds * 1000).toISOString()

function stamp(name: string, seconds: number) {
  return { name, occurred_at: at(seconds), source: 'operator', clock_corrected: false, leg_id: null }
}

function run(changes: Partial<RunView> = {}): RunView {
  return {
    id: 'r', unit_id: 'u', call_sign: 'U1', tracking: 'app', state: 'offered', moves: [], notices: [], origin: 'operator', rank: 1, override_reason: null,
    predicted_s: 300, created_at: at(60), acknowledged_at: null, released_at: null, exit_reason: null, stamps: [], legs: [], proposals: [], ...changes,
  }
}

function incident(changes: Partial<IncidentRow> = {}): IncidentRow {
  return {
    id: 'i', number: 'PWK-20261120-0001', kind: 'emergency', state: 'confirmed', triage: 'red', place: null, village: null, district: null,
    outside: false, place_accuracy_m: null, reported_at: at(30), waiting_since: null, ended_at: null, closing_code: null, patients: 1, calls: 1, speed_factor: null,
    stamps: [stamp('called_at', 0)], runs: [], ...changes,
  }
}

describe('the promise of ten minutes', () => {
  it('counts from the call, not from the report', () => {
    expect(promiseOf(incident(), CALLED + 100_000)).toEqual({ state: 'running', seconds: 500 })
    expect(promiseOf(incident(), CALLED + 660_000)).toEqual({ state: 'late', seconds: 60 })
  })

  it('ends with the first crew at the patient', () => {
    const runs = [run({ stamps: [stamp('at_patient_at', 700)] }), run({ stamps: [stamp('at_patient_at', 599)] })]
    expect(promiseOf(incident({ runs }), CALLED + 9_000_000)).toEqual({ state: 'kept', seconds: 599 })
    expect(promiseOf(incident({ runs: runs.slice(0, 1) }), CALLED)).toEqual({ state: 'missed', seconds: 700 })
  })
})

describe('arrival', () => {
  it('is not counted down before the unit has left', () => {
    expect(expectedAt(run())).toBeUndefined()
    expect(expectedAt(run({ state: 'accepted' }))).toBeUndefined()
    expect(expectedAt(run({ state: 'en_route', stamps: [stamp('en_route_at', 100)] }))).toBe(CALLED + 400_000)
  })

  it('is a real moment also where a training case runs faster', () => {
    expect(expectedAt(run({ state: 'en_route', stamps: [stamp('en_route_at', 100)] }), 60)).toBe(CALLED + 105_000)
  })
})

describe('who is missing', () => {
  it('is a unit while none is on its run and none has served', () => {
    expect(needsUnit(incident())).toBe(true)
    expect(needsUnit(incident({ runs: [run()] }))).toBe(false)
    expect(needsUnit(incident({ runs: [run({ state: 'stood_down', released_at: at(90) })] }))).toBe(true)
    const done = incident({ runs: [run({ state: 'cleared', released_at: at(900) })] })
    expect(served(done)).toBe(true)
    expect(needsUnit(done)).toBe(false)
  })

  it('is a unit again when the case waits although one has served', () => {
    expect(needsUnit(incident({ waiting_since: at(950), runs: [run({ state: 'cleared', released_at: at(900) })] }))).toBe(true)
  })
})
