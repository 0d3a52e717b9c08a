import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Client } from '$shared/api/client'
import type { Board, EventView } from './api'
import { Desk } from './desk.svelte'

const kept = vi.hoisted(() => {
  const map = new Map<string, string>()
  vi.stubGlobal('document', { documentElement: { lang: '', dataset: {} } })
  vi.stubGlobal('localStorage', { getItem: (key: string) => map.get(key) ?? null, setItem: (key: string, text: string) => map.set(key, text) })
  return map
})

/** The socket whose other end is a test. */
class Wire {
  static newest: Wire
  readyState = 1
  onopen: (() => void) | null = null
  onmessage: ((message: { data: string }) => void) | null = null
  onclose: (() => void) | null = null
  constructor() { Wire.newest = this }
  send(): void {}
  close(): void {}
  say(frame: object): void { this.onmessage?.({ data: JSON.stringify(frame) }) }
}

function board(seq: number): Board {
  return { seq, seq_recorded_at: '2026-11-20T20:00:00Z', at: '2026-11-20T20:00:00Z', calls: [], crew_calls: [], units: [], incidents: [] } as unknown as Board
}

function overdue(seq: number, at: string, incident = 'i'): EventView {
  const recorded_at = `2026-11-20T${at}Z`
  return {
    seq, kind: 'unit_overdue', subject_type: 'incident', subject_id: incident, incident_id: incident, actor: 'system',
    occurred_at: recorded_at, recorded_at, data: {},
  }
}

type Asked = (answer: { data?: unknown }) => void

/** A server that answers when the test says so. */
function server() {
  const boards: Asked[] = []
  const logs: { tell: Asked; fail: () => void }[] = []
  const GET = (path: string) => new Promise((resolve, reject) => {
    if (path.endsWith('/board')) boards.push(resolve)
    else logs.push({ tell: resolve, fail: () => reject(new Error('away')) })
  })
  return { boards, logs, client: { GET } as unknown as Client }
}

const soon = () => vi.advanceTimersByTimeAsync(600)

describe('the desk', () => {
  let desk: Desk
  let there: ReturnType<typeof server>

  beforeEach(async () => {
    vi.useFakeTimers()
    kept.clear()
    vi.stubGlobal('location', { href: 'http://pusat.test/operator' })
    vi.stubGlobal('WebSocket', Object.assign(Wire, { OPEN: 1 }))
    there = server()
    desk = new Desk({ client: there.client, regency: 'x', token: () => 't', onLost: () => undefined, onAlarm: () => undefined })
    await soon()
  })

  afterEach(() => {
    desk.close()
    vi.useRealTimers()
  })

  it('shows the board of a log that went back, also when one of before is still under way', async () => {
    there.boards.shift()?.({ data: board(1000) })
    await soon()
    Wire.newest.say({ t: 'welcome', n: 1, seq: 1000 })
    await soon()
    const underWay = there.boards.shift()
    Wire.newest.say({ t: 'reset', n: 2, seq: 900, recorded_at: '2026-11-20T20:01:00Z' })
    underWay?.({ data: board(1000) })
    await soon()
    there.boards.shift()?.({ data: board(900) })
    await soon()
    expect(desk.board.data?.seq).toBe(900)
  })

  it('tells alarms of a log that went back, whose numbers were seen as those of others, and none of what is lost', async () => {
    there.boards.shift()?.({ data: board(949) })
    await soon()
    there.logs.shift()?.tell({ data: [] })
    Wire.newest.say({ t: 'welcome', n: 1, seq: 949 })
    Wire.newest.say({ t: 'event', n: 2, ...overdue(950, '20:00:10') })
    desk.alarms.acknowledge(desk.alarms.notes)
    Wire.newest.say({ t: 'event', n: 3, ...overdue(951, '20:00:20', 'lost') })
    Wire.newest.say({ t: 'reset', n: 4, seq: 900, recorded_at: '2026-11-20T19:50:00Z' })
    expect(desk.alarms.notes).toEqual([])
    Wire.newest.say({ t: 'event', n: 5, ...overdue(901, '20:01:10') })
    expect(desk.alarms.notes.map((note) => [note.seq, note.subjectId])).toEqual([[901, 'i']])
  })

  it('looks for the alarms of before again when that failed', async () => {
    there.boards.shift()?.({ data: board(950) })
    await soon()
    there.logs.shift()?.fail()
    Wire.newest.say({ t: 'welcome', n: 1, seq: 950 })
    await soon()
    there.boards.shift()?.({ data: board(950) })
    await soon()
    there.logs.shift()?.tell({ data: [overdue(940, '20:00:00')] })
    await soon()
    expect(desk.alarms.notes.map((note) => note.seq)).toEqual([940])
  })
})
