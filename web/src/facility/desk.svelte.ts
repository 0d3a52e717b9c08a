/** The desk of one facility: asked for again and again, and open about how old it is when the answers stay away. */

import { answer, problemOf, type Client, type Problem } from '$shared/api/client'
import type { LinkState } from '$shared/socket'
import { pause } from '$shared/socket'
import { ticking } from '$shared/ticking.svelte'
import type { FacilityDesk } from './words'

/** Often enough that a lost connection is told within three seconds, with time left for a slow answer. */
const ASK_EVERY_MS = 1500
const LATE_MS = 2800
/** An answer that takes longer is given up, and asked for anew. */
const PATIENCE_MS = 8000

export class Desk {
  data = $state.raw<FacilityDesk | undefined>(undefined)
  /** A refusal by the server; its absence is told by `linkState`. */
  problem = $state.raw<Problem | undefined>(undefined)
  /** From when the data are, by the page's clock. */
  readAt = $state<number | undefined>(undefined)
  linkState = $state<LinkState>('connecting')

  private timer: ReturnType<typeof setTimeout> | undefined
  private late: ReturnType<typeof setTimeout> | undefined
  private asking: AbortController | undefined
  private attempt = 0
  private ended = false

  constructor(private readonly client: Client, private readonly onRead: (desk: FacilityDesk) => void) {
    addEventListener('online', this.again)
    addEventListener('offline', this.cut)
    document.addEventListener('visibilitychange', this.look)
    void this.ask()
  }

  /** Since when the screen may be wrong; undefined while it is known to be right. */
  get awaySince(): number | undefined {
    return this.linkState === 'live' ? undefined : this.readAt
  }

  /** Something was changed here, or the network is back: ask now. */
  readonly again = (): void => {
    if (this.ended) return
    clearTimeout(this.timer)
    this.asking?.abort()
    void this.ask()
  }

  close(): void {
    this.ended = true
    clearTimeout(this.timer)
    clearTimeout(this.late)
    this.asking?.abort()
    removeEventListener('online', this.again)
    removeEventListener('offline', this.cut)
    document.removeEventListener('visibilitychange', this.look)
  }

  private readonly cut = (): void => {
    if (this.linkState !== 'refused') this.linkState = 'away'
  }

  private readonly look = (): void => {
    if (!document.hidden) this.again()
  }

  private async ask(): Promise<void> {
    const asking = new AbortController()
    this.asking = asking
    const giveUp = setTimeout(() => asking.abort(), PATIENCE_MS)
    const began = ticking.now
    const pauseMs = await this.read(asking, began)
    clearTimeout(giveUp)
    // a refused one is not asked again before somebody signs in
    if (this.ended || this.asking !== asking || this.linkState === 'refused') return
    this.timer = setTimeout(() => void this.ask(), pauseMs)
  }

  /** Returns how long to wait before asking again. */
  private async read(asking: AbortController, began: number): Promise<number> {
    try {
      const desk = await answer(this.client.GET('/api/v1/facility/incoming', { signal: asking.signal }))
      if (this.ended || this.asking !== asking) return 0
      this.attempt = 0
      this.problem = undefined
      this.data = desk
      this.readAt = began
      this.linkState = 'live'
      clearTimeout(this.late)
      this.late = setTimeout(this.cut, Math.max(0, LATE_MS - (ticking.now - began)))
      this.onRead(desk)
      return Math.max(200, ASK_EVERY_MS - (ticking.now - began))
    } catch (caught) {
      if (this.asking !== asking || this.ended) return 0
      const problem = problemOf(caught)
      const refused = problem.document.status === 401 || problem.document.status === 403
      this.linkState = refused ? 'refused' : 'away'
      this.problem = problem.document.status === 0 ? undefined : problem
      this.attempt += 1
      return ASK_EVERY_MS / 3 + pause(this.attempt)
    }
  }
}
