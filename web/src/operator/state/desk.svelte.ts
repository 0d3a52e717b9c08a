/** The desk: the board of one moment, kept fresh by the event log, with the units' newest positions laid over it. */

import { answer, type Client } from '$shared/api/client'
import { Link, type Frame, type LinkState } from '$shared/socket'
import { ticking } from '$shared/ticking.svelte'
import { AlarmBook } from './alarmbook.svelte'
import type { Board, EventView, UnitView } from './api'
import { Reading } from './reading.svelte'
import { Fixes, type Fix } from './units'

const BOARD_GAP_MS = 500
/** Shifts begin and fixes grow old without an event that names them. */
const BOARD_REFRESH_MS = 60_000
/** How far back alarms are looked for when the page opens. */
const LOOK_BACK = 900

export interface DeskOptions {
  client: Client
  regency: string
  token: () => string | undefined
  onLost: () => void
  /** Something new wants attention: an alarm, or a call. */
  onAlarm: () => void
}

export class Desk {
  units = $state.raw<UnitView[]>([])
  linkState = $state<LinkState>('connecting')
  /** Until when, by the server's clock, the screen is known to be right; undefined while the link is live. */
  awaySince = $state<number | undefined>(undefined)
  readonly board: Reading<Board>
  readonly alarms: AlarmBook
  readonly client: Client

  private link: Link | undefined
  private fixes = new Fixes()
  private readonly listeners = new Set<(event: EventView | undefined) => void>()
  private readonly slow: ReturnType<typeof setInterval>
  private seeded = false

  constructor(private readonly options: DeskOptions) {
    this.client = options.client
    this.alarms = new AlarmBook(options.regency)
    this.board = new Reading({
      ask: () => answer(this.client.GET('/api/v1/operator/board')),
      gapMs: BOARD_GAP_MS,
      older: (board, shown) => board.seq < shown.seq,
      onRead: (board) => this.show(board),
    })
    this.slow = setInterval(() => this.board.again(), BOARD_REFRESH_MS)
  }

  /** Up to when a unit's silence is its own: while this desk is cut off, it is the desk that does not hear. */
  get heardUntil(): number {
    return this.awaySince ?? ticking.now
  }

  /** Be told of every event; undefined means that events may have been missed. Returns how to stop. */
  on(listener: (event: EventView | undefined) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** After signing in again: everything that was refused is asked for anew. */
  resume(): void {
    this.board.again()
    const { after, afterRecordedAt } = this.link ?? {}
    this.link?.close()
    this.link = undefined
    if (after !== undefined) this.connect(after, afterRecordedAt)
    this.tell(undefined)
  }

  close(): void {
    clearInterval(this.slow)
    this.board.stop()
    this.link?.close()
    this.listeners.clear()
  }

  unit(id: string): UnitView | undefined {
    return this.units.find((unit) => unit.id === id)
  }

  private show(board: Board): void {
    ticking.learn(board.at)
    this.fixes.told(board.at)
    this.units = this.fixes.over(board.units)
    if (this.link === undefined) this.connect(board.seq, board.seq_recorded_at)
    if (!this.seeded) {
      this.seeded = true
      void this.seed(board.seq)
    }
  }

  /** Alarms of before this page was opened are alarms still. */
  private async seed(seq: number): Promise<void> {
    const query = { after: Math.max(0, seq - LOOK_BACK), limit: LOOK_BACK }
    try {
      const events = await answer(this.client.GET('/api/v1/operator/events', { params: { query } }))
      for (const event of events) this.alarms.take(event)
    } catch {
      this.seeded = false // the server could not be reached, or refused: with the next board it is asked again
    }
  }

  private connect(after: number, afterRecordedAt: string | undefined): void {
    this.link = new Link({
      path: '/ws/operator',
      hello: (last, recordedAt) => ({
        token: this.options.token() ?? '',
        ...(last === undefined ? {} : { after: last }),
        ...(recordedAt === undefined ? {} : { after_recorded_at: recordedAt }),
      }),
      onFrame: (frame) => this.take(frame),
      onState: (state) => this.linked(state),
      sequenced: true,
      after,
      ...(afterRecordedAt === undefined ? {} : { afterRecordedAt }),
    })
  }

  private take(frame: Frame): void {
    if (frame.t === 'positions') {
      this.fixes.take(String(frame.at), frame.units as Fix[])
      this.units = this.fixes.over(this.board.data?.units ?? [])
    } else if (frame.t === 'event') {
      const event = frame as unknown as EventView
      if (this.alarms.take(event, this.board.data) || event.kind === 'call_received') this.options.onAlarm()
      if (event.seq > (this.board.data?.seq ?? 0)) this.board.again()
      this.tell(event)
    } else if (frame.t === 'reset') {
      // the server's log was restored: a board of before, also one under way, would stand there as newer than all to come
      this.board.anew()
      this.alarms.beginAnew()
      this.seeded = false
      this.tell(undefined)
    }
  }

  private linked(state: LinkState): void {
    this.linkState = state
    if (state === 'live') {
      this.awaySince = undefined
      this.board.again()
    } else if (state === 'away' && this.awaySince === undefined) {
      const silence = this.link?.silence ?? 0
      this.awaySince = ticking.now - (Number.isFinite(silence) ? silence : 0)
    } else if (state === 'refused') {
      this.options.onLost()
    }
  }

  private tell(event: EventView | undefined): void {
    for (const listener of this.listeners) listener(event)
  }
}
