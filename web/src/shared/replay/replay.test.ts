import { describe, expect, it } from 'vitest'
import {
  countKnown, fold, isNew, joined, lateness, messagesKnown, momentOf, repeatsFolded, rowsOf, share, type CaseReplay, type ReplayMessage, type ReplayStep,
} from './replay'

const NOON = Date.parse('2026-11-20T05:00:00Z') // 12:00 in Jakarta

function step(seq: number, afterS: number, rows: ReplayStep['rows'] = [], changes: Partial<ReplayStep> = {}): ReplayStep {
  const recorded = new Date(NOON + afterS * 1000).toISOString()
  return {
    seq, kind: 'x', subject_type: 't', subject_id: 's', actor: 'system', cause: 'test', occurred_at: recorded, recorded_at: recorded,
    data: {}, rows, ...changes,
  }
}

function row(id: string, fields: Record<string, unknown>, table = 'assignment'): ReplayStep['rows'][number] {
  return { table, id, fields, erased: false }
}

const steps = [
  step(3, 0, [row('a', { state: 'offered', unit: 'u' })]),
  step(9, 10, [row('b', { state: 'offered', unit: 'v' })]),
  step(10, 10, [row('a', { state: 'accepted', unit: 'u' })]),
  step(12, 60, [row('a', { state: 'en_route', unit: 'u' })]),
]

describe('what was known', () => {
  it('is of every row the last that had been told', () => {
    const known = fold(steps, 3)
    expect(rowsOf(known, 'assignment').map((one) => [one.id, one.fields.state])).toEqual([['a', 'accepted'], ['b', 'offered']])
    expect(known.step?.seq).toBe(10)
    expect(rowsOf(fold(steps, 0), 'assignment')).toEqual([])
  })

  it('marks what the last step changed, and nothing else', () => {
    const known = fold(steps, 3)
    const [a, b] = rowsOf(known, 'assignment')
    expect(a && isNew(a, known)).toBe(true)
    expect([...(a?.changed ?? [])]).toEqual(['state'])
    expect(b && isNew(b, known)).toBe(false)
  })

  it('counts steps up to a moment, that moment included', () => {
    expect([-1, 0, 9.999, 10, 59, 60, 999].map((s) => countKnown(steps, NOON + s * 1000))).toEqual([0, 1, 1, 3, 3, 4, 4])
  })

  it('leaves out what a phone without signal had made already but told only later', () => {
    const late = step(20, 480, [row('s', { occurred_at: new Date(NOON).toISOString() }, 'stamp')], { occurred_at: new Date(NOON).toISOString() })
    const all = [...steps, late]
    expect(rowsOf(fold(all, countKnown(all, NOON + 140_000)), 'stamp')).toEqual([])
    expect(lateness(late.occurred_at, late)).toBe(480)
    expect(steps.map((one) => lateness(one.occurred_at, one))).toEqual([undefined, undefined, undefined, undefined])
  })

  it('says of a message only what had become of it by then', () => {
    const at = (s: number | null): string | null => (s === null ? null : new Date(NOON + s * 1000).toISOString())
    const message = { id: 'm', created_at: at(5), sent_at: at(30), failed_at: null } as unknown as ReplayMessage
    expect(messagesKnown([message], NOON)).toEqual([])
    expect(messagesKnown([message], NOON + 10_000)[0]?.sent).toBe(false)
    expect(messagesKnown([message], NOON + 30_000)[0]?.sent).toBe(true)
  })
})

describe('pages', () => {
  it('join in order, and a step that both hold counts once', () => {
    const page = (some: ReplayStep[], units: Record<string, string>): CaseReplay => ({
      steps: some, messages: [], next_after: null, names: { units, facilities: {}, villages: {}, staff: {} },
    }) as unknown as CaseReplay
    const whole = joined(page(steps.slice(0, 3), { u: 'A-1' }), page(steps.slice(2), { v: 'A-2' }))
    expect(whole.steps.map((one) => one.seq)).toEqual([3, 9, 10, 12])
    expect(whole.names.units).toEqual({ u: 'A-1', v: 'A-2' })
  })
})

it('an alarm that goes on counts as one step, and what came between as another', () => {
  const lost = (seq: number, subject = 'u') => step(seq, seq, [], { kind: 'signal_lost', subject_id: subject })
  const past = [lost(9), lost(8), step(7, 7), step(6, 6), lost(5), lost(4, 'v')]
  expect(repeatsFolded(past).map(({ step: one, times }) => [one.seq, times])).toEqual([[9, 2], [7, 1], [6, 1], [5, 1], [4, 1]])
})

describe('a typed time', () => {
  const zone = 'Asia/Jakarta'
  it('is by the clock of the regency', () => {
    for (const typed of ['12:03:20', '12.03.20', '120320', ' 12:03:20 ']) expect(momentOf(typed, NOON, zone)).toBe(NOON + 200_000)
    expect(momentOf('12:03', NOON, zone)).toBe(NOON + 180_000)
    expect(momentOf('5:03', NOON, 'UTC')).toBe(NOON + 180_000)
  })

  it('is the nearest one where a case runs over midnight', () => {
    const beforeMidnight = Date.parse('2026-11-20T16:59:50Z')
    expect(momentOf('00:00:10', beforeMidnight, zone)).toBe(beforeMidnight + 20_000)
    expect(momentOf('23:59:40', beforeMidnight + 20_000, zone)).toBe(beforeMidnight - 10_000)
  })

  it('is nothing when it is no time', () => {
    for (const typed of ['', '25:00', '12:60', '12:00:61', 'noon', '12:3']) expect(momentOf(typed, NOON, zone)).toBeUndefined()
  })
})

it('a place on the line is held within it', () => {
  expect([share(5, 0, 10), share(-1, 0, 10), share(99, 0, 10), share(3, 3, 3)]).toEqual([0.5, 0, 1, 0])
})
