import { describe, expect, it } from 'vitest'
import { alarmHolds, alarmOf, alarmWords, following, leadsTo } from './alarms'
import type { Board, EventView } from './api'

function event(kind: string, data: Record<string, unknown> = {}, changes: Partial<EventView> = {}): EventView {
  return {
    seq: 5, kind, subject_type: 'x', subject_id: 's', incident_id: 'i', actor: 'system', occurred_at: '2026-11-20T20:00:00Z',
    recorded_at: '2026-11-20T20:00:00Z', data, ...changes,
  }
}

function board(runs: { id: string; state: string; released_at: string | null }[], waiting: string | null = null): Board {
  const incident = { id: 'i', state: 'confirmed', waiting_since: waiting, runs: runs.map((r) => ({ ...r, call_sign: 'PWK-A01', legs: [], notices: [{ id: 'n' }] })) }
  return { seq: 9, calls: [], crew_calls: [], units: [{ id: 'u', call_sign: 'PWK-A01' }], incidents: [incident] } as unknown as Board
}

const offered = { id: 's', state: 'offered', released_at: null }

function noteOf(kind: string, data: Record<string, unknown> = {}) {
  const note = alarmOf(event(kind, data))
  if (note === undefined) throw new Error(`${kind} is no alarm`)
  return note
}

describe('alarms', () => {
  it('are only what wants somebody: the course of a case is none', () => {
    expect(alarmOf(event('assignment_stepped'))).toBeUndefined()
    expect(alarmOf(event('unit_assigned', { origin: 'operator' }))).toBeUndefined()
    expect(alarmOf(event('unit_assigned', { origin: 'widened' }))).toBeDefined()
  })

  it('about one wait replace each other', () => {
    expect(noteOf('incident_waiting').key).toBe(noteOf('unit_overdue').key)
  })

  it('keep naming the unit that became free for a waiting incident, while it is', () => {
    const found = noteOf('unit_found_for_waiting', { number: 'PWK-20261120-0007', call_sign: 'PWK-A01' })
    const later = following(noteOf('unit_overdue', { number: 'PWK-20261120-0007' }), found)
    const free = board([], 'now')
    free.units = [{ ...free.units[0], status: 'available' }] as Board['units']
    expect(alarmWords(later, free).id).toBe('Kejadian 0007 masih tanpa unit; PWK-A01 siap')
    expect(alarmWords(later, board([], 'now')).id).toBe('Kejadian 0007 masih tanpa unit')
  })

  it('end when the board says otherwise', () => {
    const silent = noteOf('offer_unacknowledged', { number: 'PWK-20261120-0007', unit_id: 'u' })
    expect(alarmHolds(silent, board([offered]))).toBe(true)
    expect(alarmHolds(silent, board([{ ...offered, state: 'accepted' }]))).toBe(false)
    expect(alarmHolds(noteOf('unit_found_for_waiting'), board([], '2026-11-20T20:00:00Z'))).toBe(true)
    expect(alarmHolds(noteOf('unit_found_for_waiting'), board([]))).toBe(false)
  })

  it('tell a wish to cancel on one line, however often it rings, while the case is open', () => {
    const asked = noteOf('call_cancel_asked')
    const overdue = noteOf('cancel_overdue', { number: 'PWK-20261120-0007' })
    expect(overdue.key).toBe(asked.key)
    expect(alarmWords(overdue, board([])).id).toContain('(0007), belum ditanggapi')
    expect(alarmHolds(overdue, board([offered]))).toBe(true)
    expect(alarmHolds(overdue, { ...board([]), incidents: [] })).toBe(false)
  })

  it('tell a unit that is not back until it is', () => {
    const late = noteOf('return_overdue', { unit_id: 'u', expected_until: '2026-11-20T20:00:00Z' })
    const away = board([])
    away.units = [{ ...away.units[0], unavailable_reason: 'fuel' }] as Board['units']
    expect(alarmWords(late, away).id).toBe('PWK-A01 belum siap lagi, sudah lewat waktunya')
    expect(alarmWords(noteOf('return_overdue', { unit_id: 'u', expected_until: null }), away).id).toBe('PWK-A01 sudah lama tidak siap')
    expect(alarmHolds(late, away)).toBe(true)
    away.units = [{ ...away.units[0], unavailable_reason: null }] as Board['units']
    expect(alarmHolds(late, away)).toBe(false)
  })

  it('leave an offer to the call that the desk is asked to make, once it is', () => {
    const asked = { ...board([offered]), crew_calls: [{ notice_id: 'n', assignment_id: 's' }] } as unknown as Board
    for (const kind of ['offer_unacknowledged', 'manual_unit_unanswered']) {
      expect(alarmHolds(noteOf(kind), board([offered]))).toBe(true)
      expect(alarmHolds(noteOf(kind), asked)).toBe(false)
    }
  })

  it('hold a declined offer until somebody answers', () => {
    const declined = noteOf('offer_declined', { reason: 'crew' })
    expect(alarmHolds(declined, board([{ ...offered, id: 'next' }]))).toBe(true)
    expect(alarmHolds(declined, board([{ ...offered, id: 'next', state: 'en_route' }]))).toBe(false)
  })

  it('hold a refusal by a facility until the patient is taken elsewhere', () => {
    const refused = noteOf('facility_refused', { reason: 'no_bed' })
    const carrying = (state: string): Board => {
      const found = board([{ id: 'run', state: 'left_scene', released_at: null }])
      for (const run of found.incidents[0]?.runs ?? []) Object.assign(run, { legs: [{ id: 's', answer: 'refused', state }] })
      return found
    }
    expect(alarmHolds(refused, carrying('transporting'))).toBe(true)
    expect(alarmHolds(refused, carrying('diverted'))).toBe(false)
  })

  it('say whose message did not go out, and lead to its case', () => {
    const failed = alarmOf(event('message_failed', { subject_id: 'n', channel: 'sms' }, { incident_id: null, subject_id: 'm' }))
    if (failed === undefined) throw new Error('no alarm')
    expect(alarmWords(failed, board([offered])).id).toBe('Pesan ke PWK-A01 tidak terkirim: telepon awaknya')
    expect(leadsTo(failed, board([offered]))?.id).toBe('i')
    expect(alarmWords(failed, { ...board([]), incidents: [] }).id).toBe('Pesan tidak terkirim')
    expect(leadsTo(noteOf('offer_declined'), board([offered]))?.id).toBe('i')
  })

  it('name the unit and the short number', () => {
    const silent = noteOf('offer_unacknowledged', { number: 'PWK-20261120-0007', unit_id: 'u' })
    expect(alarmWords(silent, board([offered])).id).toBe('PWK-A01 tidak menjawab tawaran (0007)')
  })
})
