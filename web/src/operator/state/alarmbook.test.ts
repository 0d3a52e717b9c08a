import { beforeEach, expect, test, vi } from 'vitest'
import { AlarmBook } from './alarmbook.svelte'
import type { Board, EventView } from './api'

const stored = vi.hoisted(() => {
  const items = new Map<string, string>()
  vi.stubGlobal('document', { documentElement: { lang: '', dataset: {} } })
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => items.get(key) ?? null, setItem: (key: string, value: string) => items.set(key, value), removeItem: (key: string) => items.delete(key),
  })
  return items
})

function waits(seq: number, kind = 'incident_waiting'): EventView {
  const recorded_at = new Date(Date.parse('2026-11-20T20:00:00Z') + seq * 1000).toISOString()
  return {
    seq, kind, subject_type: 'incident', subject_id: 'i', incident_id: 'i', actor: 'system', occurred_at: recorded_at, recorded_at,
    data: { number: 'PWK-20261120-0007' },
  }
}

function board(seq: number, waiting: string | null): Board {
  const incident = { id: 'i', number: 'PWK-20261120-0007', state: 'confirmed', waiting_since: waiting, runs: [] }
  return { seq, calls: [], crew_calls: [], units: [], incidents: [incident] } as unknown as Board
}

let book: AlarmBook
beforeEach(() => {
  stored.clear()
  book = new AlarmBook('x')
})

test('the same alarm once more makes no second tone while it stands', () => {
  expect(book.take(waits(5), board(4, null))).toBe(true)
  // the board that says so is still to come
  expect(book.take(waits(6, 'unit_overdue'), board(4, null))).toBe(false)
  expect(book.take(waits(9, 'unit_overdue'), board(8, 'then'))).toBe(false)
})

test('an alarm that ended by itself, and that nobody had to acknowledge, is heard when it begins anew', () => {
  book.take({ ...waits(5), data: { number: 'PWK-20261120-0007', call_sign: 'PWK-A01' } }, board(4, null))
  const sent = board(7, null)
  expect(book.holding(sent)).toEqual([])
  expect(book.take(waits(9), sent)).toBe(true)
  expect(book.notes.map((note) => [note.seq, note.data])).toEqual([[9, { number: 'PWK-20261120-0007' }]])
  // told again, it is the one that is known
  expect(book.take(waits(9), sent)).toBe(false)
})

test('what is told again is heard again, also within the millisecond of what was acknowledged', () => {
  const told = (seq: number): EventView => ({ ...waits(seq), recorded_at: '2026-11-20T20:00:00.123Z' })
  book.take(told(5), board(4, null))
  book.acknowledge(book.notes)
  expect(book.take(told(5), board(5, 'then'))).toBe(false)
  // after a reload, too
  book = new AlarmBook('x')
  expect(book.take(told(5), board(5, 'then'))).toBe(false)
  expect(book.take(told(6), board(5, 'then'))).toBe(true)
})

test('a log that was restored gives its numbers again: what is later by time is heard', () => {
  book.take(waits(5), board(4, null))
  book.acknowledge(book.notes)
  book.beginAnew()
  expect(book.take({ ...waits(5), seq: 3, recorded_at: '2026-11-20T20:01:00Z' }, board(2, null))).toBe(true)
})

test('what a page of before kept as acknowledged stays so', () => {
  book.take(waits(5), board(4, null))
  book.acknowledge(book.notes)
  const [[key, text]] = [...stored] as [[string, string]]
  stored.set(key, JSON.stringify((JSON.parse(text) as [string, [number, number]][]).map(([of, [at]]) => [of, at])))
  book = new AlarmBook('x')
  expect(book.take(waits(5), board(4, null))).toBe(false)
  expect(book.take(waits(6), board(4, null))).toBe(true)
})

test('events of before the page, which come after newer ones, bring back nothing that has ended, and end nothing that is newer', () => {
  const heard = (seq: number): EventView => ({ ...waits(seq, 'signal_back'), subject_type: 'unit_silence', subject_id: 's' })
  const lost = (seq: number): EventView => ({
    ...waits(seq, 'signal_lost'), subject_type: 'unit_silence', subject_id: 's', data: { on_run: true },
  })
  book.take(heard(8))
  expect(book.take(lost(5))).toBe(false)
  expect(book.notes).toEqual([])
  expect(book.take(lost(9))).toBe(true)
  book.take(heard(7))
  expect(book.notes.map((note) => note.seq)).toEqual([9])
})
