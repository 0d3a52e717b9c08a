/** One thing read from the server again and again: one request at a time, not too often, and never silently old. */

import { problemOf, type Problem } from '$shared/api/client'
import { ticking } from '$shared/ticking.svelte'

const RETRY_MS = 2000
/** A request without an answer for this long is given up: on a dead connection it would never end. */
const PATIENCE_MS = 10_000

export interface ReadingOptions<T> {
  ask: () => Promise<T>
  /** The least time between the beginnings of two requests. */
  gapMs?: number
  /** Whether an answer is older than what is shown already: it is dropped, and asked for again. */
  older?: (data: T, shown: T) => boolean
  onRead?: (data: T) => void
}

export class Reading<T> {
  data = $state.raw<T | undefined>(undefined)
  problem = $state.raw<Problem | undefined>(undefined)
  /** When the data were read, by the server's clock; undefined before the first answer. */
  readAt = $state<number | undefined>(undefined)

  private timer: ReturnType<typeof setTimeout> | undefined
  private began = -Infinity
  private asking = false
  private wanted = false
  private ended = false
  /** How often everything began anew, and for the how manyth time when what is shown was asked for. */
  private era = 0
  private shownEra = 0

  constructor(private readonly options: ReadingOptions<T>) {
    this.again()
  }

  /** Something changed: read soon. Many calls make one request. */
  again(): void {
    this.wanted = true
    if (this.asking || this.ended || this.timer !== undefined) return
    const wait = this.began + (this.options.gapMs ?? 400) - performance.now()
    this.plan(Math.max(0, wait))
  }

  /** What is shown is of no account any more, nor is what is under way: what is asked for from now on takes its place, however old. */
  anew(): void {
    this.era += 1
    this.again()
  }

  stop(): void {
    this.ended = true
    clearTimeout(this.timer)
  }

  private plan(wait: number): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => void this.read(), wait)
  }

  private async read(): Promise<void> {
    this.timer = undefined
    this.asking = true
    this.wanted = false
    this.began = performance.now()
    const era = this.era
    try {
      const data = await inTime(this.options.ask())
      if (this.ended) return
      const comparable = this.data !== undefined && era === this.shownEra
      if (era !== this.era || (comparable && this.options.older?.(data, this.data as T))) {
        this.wanted = true
        return
      }
      this.data = data
      this.shownEra = era
      this.readAt = ticking.now
      this.problem = undefined
      this.options.onRead?.(data)
    } catch (caught) {
      this.problem = problemOf(caught)
    } finally {
      this.asking = false
      this.next()
    }
  }

  private next(): void {
    if (this.ended) return
    const status = this.problem?.document.status ?? 200
    // a refusal stays one until something changes; absence and overload pass by themselves
    if (status === 0 || status >= 500 || status === 429) this.plan(RETRY_MS)
    else if (this.wanted) this.again()
  }
}

/** What a promise holds; as if the server were away when it takes too long. An answer that comes later is nobody's. */
function inTime<T>(promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new DOMException('no answer in time', 'TimeoutError')), PATIENCE_MS)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
