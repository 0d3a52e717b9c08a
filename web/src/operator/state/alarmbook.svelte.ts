/** The alarms this desk has not acknowledged yet. What was acknowledged is kept on the device, so a reload forgets nothing. */

import { device } from '$shared/storage'
import { alarmHolds, alarmOf, following, type AlarmNote } from './alarms'
import type { Board, EventView } from './api'

/** Facts that end an alarm although the board does not show them. */
const ENDS: Record<string, string> = {
  handover_countersigned: 'countersignature_overdue', signal_back: 'signal_lost', paper_resumed: 'paper_failed',
}
const MOST_KEPT = 400

/** Where in the log an alarm stands. By its time first, for a log that was restored gives its numbers again; two may share a ms. */
type Place = readonly [recordedAt: number, seq: number]

function place(note: AlarmNote): Place {
  return [note.recordedAt, note.seq]
}

function later(one: Place, other: Place): boolean {
  return (one[0] - other[0] || one[1] - other[1]) > 0
}

export class AlarmBook {
  notes = $state.raw<AlarmNote[]>([])
  /** By alarm the last one that was acknowledged. */
  private acknowledged: Map<string, Place>
  /** By alarm where it ended, so that the events of before this page, which come after newer ones, do not bring it back. */
  private readonly ended = new Map<string, Place>()
  private readonly store: string

  constructor(regency: string) {
    this.store = `semar.operator.alarms.${regency}`
    const kept = JSON.parse(device.getItem(this.store) ?? '[]') as [string, Place | number][]
    // pages of before kept the time alone
    this.acknowledged = new Map(kept.map(([key, at]) => [key, typeof at === 'number' ? [at, Number.MAX_SAFE_INTEGER] : at]))
  }

  /** Take over an event; true when it is an alarm that nobody here has seen. `board`: what this desk shows at the time. */
  take(event: EventView, board?: Board): boolean {
    const ended = ENDS[event.kind]
    if (ended !== undefined) this.end(`${ended}:${event.subject_id}`, [Date.parse(event.recorded_at), event.seq])
    const note = alarmOf(event)
    if (note === undefined) return false
    const over = this.ended.get(note.key)
    if (over !== undefined && !later(place(note), over)) return false
    const done = this.acknowledged.get(note.key)
    const known = this.notes.find((n) => n.key === note.key)
    if ((done !== undefined && !later(place(note), done)) || (known !== undefined && !later(place(note), place(known)))) return false
    // one that had ended by itself is on no screen any more: what begins now is another, and has to be heard
    const before = known !== undefined && (board === undefined || stands(known, board)) ? known : undefined
    this.notes = [following(note, before), ...this.notes.filter((n) => n.key !== note.key)].slice(0, MOST_KEPT)
    return before === undefined || note.kind === 'unit_found_for_waiting'
  }

  /** The log is another one: what was told of may never have been. */
  beginAnew(): void {
    this.notes = []
    this.ended.clear()
  }

  /** What is true by the board: grave ones first, then the newest. */
  holding(board: Board): AlarmNote[] {
    return this.notes
      .filter((note) => stands(note, board))
      .sort((a, b) => Number(b.grave) - Number(a.grave) || b.seq - a.seq)
  }

  acknowledge(notes: readonly AlarmNote[]): void {
    for (const note of notes) this.acknowledged.set(note.key, place(note))
    this.acknowledged = new Map([...this.acknowledged].sort(([, a], [, b]) => (later(a, b) ? 1 : -1)).slice(-MOST_KEPT))
    device.setItem(this.store, JSON.stringify([...this.acknowledged]))
    const keys = new Set(notes.map((n) => n.key))
    this.notes = this.notes.filter((n) => !keys.has(n.key))
  }

  private end(key: string, at: Place): void {
    const known = this.ended.get(key)
    if (known === undefined || later(at, known)) this.ended.set(key, at)
    this.notes = this.notes.filter((note) => note.key !== key || later(place(note), at))
  }
}

/** Whether an alarm is true by a board, or newer than it. */
function stands(note: AlarmNote, board: Board): boolean {
  return note.seq > board.seq || alarmHolds(note, board)
}
