/** The queue of fixes: the newest goes first, what was kept meanwhile follows, and nothing leaves before it is stored. */

import type { KeptFix } from './frames'
import type { Store } from './store'

export interface SentFix extends Omit<KeptFix, 'who' | 'seq'> {
  seq: number
  replayed: boolean
}

const MOST_AT_ONCE = 50
/** Older than this when it is sent: the marker must not follow it. */
const FRESH_MS = 30_000
/** Nothing was answered for so long although the connection lives: what is under way was lost, and is sent again. */
const UNANSWERED_MS = 20_000

type Waiting = KeptFix & { seq: number }

export class FixQueue {
  private readonly waiting = new Map<number, Waiting>()
  /** When each of those under way was sent. */
  private readonly inFlight = new Map<number, number>()
  private newestSent = -1
  private backlogInFlight = 0

  constructor(private readonly store: Store, private readonly who: string) {}

  get size(): number {
    return this.waiting.size
  }

  /** Take up what an earlier page left. */
  async load(): Promise<void> {
    for (const fix of await this.store.fixes(this.who)) {
      if (fix.seq !== undefined) this.waiting.set(fix.seq, { ...fix, seq: fix.seq })
    }
  }

  async add(fix: Omit<KeptFix, 'who' | 'seq'>): Promise<void> {
    const kept = { ...fix, who: this.who }
    const seq = await this.store.addFix(kept)
    this.waiting.set(seq, { ...kept, seq })
  }

  /** The fixes of the next frame, newest first; none when all are under way. */
  next(now = Date.now()): SentFix[] {
    this.giveUp([...this.inFlight].filter(([, sent]) => now - sent > UNANSWERED_MS).map(([seq]) => seq))
    const idle = [...this.waiting.values()].filter((fix) => !this.inFlight.has(fix.seq)).sort((a, b) => b.seq - a.seq)
    const newest = idle[0]
    if (newest === undefined) return []
    if (newest.seq > this.newestSent) {
      // alone: it must not wait until a large frame has gone through a thin network
      this.newestSent = newest.seq
      return this.leave(now, [newest], (fix) => now - Date.parse(fix.at) > FRESH_MS)
    }
    if (this.backlogInFlight > 0) return []
    const backlog = idle.slice(0, MOST_AT_ONCE)
    this.backlogInFlight = backlog.length
    return this.leave(now, backlog, () => true)
  }

  /** The server has them, or will never take them. */
  async settle(seqs: readonly number[]): Promise<void> {
    for (const seq of seqs) this.waiting.delete(seq)
    this.landed(seqs)
    // what cannot be taken away is sent again after a reload: the server knows it by its number
    await this.store.dropFixes(seqs).catch(() => undefined)
  }

  /** The server could not store them: they wait again. */
  failed(seqs: readonly number[]): void {
    this.giveUp(seqs)
  }

  /** The connection is gone, and with it every answer. */
  adrift(): void {
    this.giveUp([...this.inFlight.keys()])
  }

  private leave(now: number, fixes: Waiting[], replayed: (fix: Waiting) => boolean): SentFix[] {
    return fixes.map((fix) => {
      this.inFlight.set(fix.seq, now)
      const { who: _who, ...rest } = fix
      return { ...rest, replayed: replayed(fix) }
    })
  }

  private giveUp(seqs: readonly number[]): void {
    this.landed(seqs)
    if (seqs.includes(this.newestSent)) this.newestSent -= 1 // goes first and alone again
  }

  private landed(seqs: readonly number[]): void {
    for (const seq of seqs) {
      if (this.inFlight.delete(seq) && seq !== this.newestSent && this.backlogInFlight > 0) this.backlogInFlight -= 1
    }
    if (this.inFlight.size === 0) this.backlogInFlight = 0
  }
}
