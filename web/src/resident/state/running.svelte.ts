/** The running call: brought to the server whatever the network does, then followed until it ends. */

import { problemOf, type Client, type Problem } from '$shared/api/client'
import type { components } from '$shared/api/schema'
import type { Place } from '$shared/map/types'
import { Link, pause, type Frame, type LinkState } from '$shared/socket'
import { ticking } from '$shared/ticking.svelte'
import { makeUuid } from '$shared/uuid'
import { OVER } from '../words'
import { Keeper, worthTelling, type KeptCall } from './kept'
import { Locator, type Found } from './locator.svelte'

export type CallStatus = components['schemas']['CallStatus']

/** A request without an answer for this long has failed: the next one is tried. */
const ANSWER_MS = 8000
/** Without an answer for this long the person is told that the call has not arrived. */
const PATIENCE_MS = 2500
const AGAIN_MS = 3000
export const CANCEL_WINDOW_MS = 10_000

export interface RunningOptions {
  client: Client
  resident: string
  token: () => string | undefined
  onLost: () => void
}

export class Running {
  kept = $state.raw<KeptCall | undefined>(undefined)
  status = $state.raw<CallStatus | undefined>(undefined)
  /** When the status came, by the page's clock. */
  statusAt = $state(0)
  linkState = $state<LinkState>('connecting')
  awaySince = $state<number | undefined>(undefined)
  /** The server refuses what was asked, in its words. */
  refusal = $state.raw<Problem | undefined>(undefined)
  /** The server has not answered for longer than anybody should wait in silence. */
  unheard = $state(false)
  readonly locator = new Locator((fix) => this.located(fix))

  private readonly keeper: Keeper
  private link: Link | undefined
  private delivering = false
  private ended = false
  private hurry: (() => void) | undefined

  constructor(private readonly options: RunningOptions) {
    this.keeper = new Keeper(options.resident)
    this.kept = this.keeper.read()
    addEventListener('online', this.again)
    if (this.kept !== undefined) this.resume()
  }

  get over(): boolean {
    return this.status !== undefined && OVER.has(this.status.progress)
  }

  /** Send first, locate second. */
  call(): void {
    if (this.kept !== undefined) return
    this.refusal = undefined
    this.keep({ id: makeUuid(), tappedAt: Date.now(), stored: false, cancelling: false, place: undefined })
    void this.deliver()
    this.locator.start()
  }

  /** Follow a call that the server has and this device does not know yet. */
  adopt(status: CallStatus): void {
    if (this.kept !== undefined) return
    this.keep({ id: status.call_id, tappedAt: Date.parse(status.received_at), stored: true, cancelling: false, place: undefined, adopted: true })
    this.show(status)
    this.watch()
  }

  cancel(): void {
    if (this.kept === undefined) return
    this.locator.stop()
    this.keep({ ...this.kept, cancelling: true })
    this.again()
  }

  /** The caller points at the place on the map. */
  pin(place: Place): void {
    if (this.kept === undefined) return
    this.locator.stop()
    this.keep({ ...this.kept, place: { ...place, accuracyM: undefined, pinned: true, sent: false } })
    this.again()
  }

  /** The caller has read how it ended. */
  dismiss(): void {
    this.locator.stop()
    this.unwatch()
    this.keep(undefined)
    this.status = undefined
    this.refusal = undefined
  }

  /** Go on with what is kept: after a reload, or after signing in again. */
  resume(): void {
    const kept = this.kept
    if (kept === undefined) return
    if (kept.stored) this.watch()
    if (kept.place === undefined && !kept.cancelling && kept.adopted !== true) this.locator.start()
    this.again()
  }

  close(): void {
    this.ended = true
    removeEventListener('online', this.again)
    this.locator.stop()
    this.unwatch()
    this.hurry?.()
  }

  /** Try at once instead of waiting for the next turn. */
  readonly again = (): void => {
    this.hurry?.()
    void this.deliver()
  }

  // --- delivering ------------------------------------------------------------------------------------------------

  private keep(call: KeptCall | undefined): void {
    this.kept = call
    this.keeper.write(call)
  }

  private located(fix: Found): void {
    const kept = this.kept
    if (kept === undefined || kept.cancelling || !worthTelling(kept.place, fix)) return
    this.keep({ ...kept, place: { ...fix, pinned: false, sent: false } })
    this.again()
  }

  /** One errand after the other until the server has everything; again and again, for as long as it takes. */
  private async deliver(): Promise<void> {
    if (this.delivering) return
    this.delivering = true
    try {
      for (let attempt = 0; !this.ended; ) {
        const errand = this.errand()
        if (errand === undefined) break
        const impatience = setTimeout(() => { this.unheard = true }, attempt === 0 ? PATIENCE_MS : 0)
        const problem = await errand().then(() => undefined, problemOf)
        clearTimeout(impatience)
        if (problem === undefined) {
          this.unheard = false
          attempt = 0
        } else if (passes(problem)) {
          this.unheard = true
          attempt += 1
          await this.wait(pause(attempt) + 300)
        } else {
          this.unheard = false
          this.refusal = problem
          break
        }
      }
    } finally {
      this.delivering = false
    }
  }

  private errand(): (() => Promise<void>) | undefined {
    const kept = this.kept
    if (kept === undefined) return undefined
    if (kept.cancelling) return () => this.sendCancellation(kept.id)
    if (!kept.stored) return () => this.sendCall(kept.id)
    if (kept.place !== undefined && !kept.place.sent) return () => this.sendPlace(kept)
    return undefined
  }

  private wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.hurry = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** Only the id: the same content with every retry, whatever is known by then. */
  private async sendCall(id: string): Promise<void> {
    const { error } = await this.options.client.POST('/api/v1/calls', { body: { id }, signal: AbortSignal.timeout(ANSWER_MS) })
    const kept = this.kept
    if (kept?.id !== id) return
    if (error === undefined) {
      this.keep({ ...kept, stored: true })
      this.watch()
    } else if (problemOf(error).document.code === 'content_differs') {
      this.keep({ ...kept, id: makeUuid() })
    } else throw problemOf(error)
  }

  private async sendPlace(call: KeptCall): Promise<void> {
    const place = call.place
    if (place === undefined) return
    const body = { lon: place.lon, lat: place.lat, ...(place.accuracyM === undefined ? {} : { accuracy_m: place.accuracyM }) }
    const { error } = await this.options.client.PUT('/api/v1/calls/{call_id}/place', {
      params: { path: { call_id: call.id } }, body, signal: AbortSignal.timeout(ANSWER_MS),
    })
    if (error !== undefined && passes(problemOf(error))) throw problemOf(error)
    const kept = this.kept
    // a better place may have come meanwhile: that one is still to be sent
    if (kept?.id === call.id && kept.place === place) this.keep({ ...kept, place: { ...place, sent: true } })
    if (error !== undefined) this.refusal = problemOf(error)
  }

  private async sendCancellation(id: string): Promise<void> {
    const { error, response } = await this.options.client.POST('/api/v1/calls/{call_id}/cancellation', {
      params: { path: { call_id: id } }, signal: AbortSignal.timeout(ANSWER_MS),
    })
    if (this.kept?.id !== id) return
    if (error !== undefined && response.status !== 404) throw problemOf(error)
    // 404: the call never arrived, so there is nothing to take back
    if (error !== undefined || !this.kept.stored) this.dismiss()
    else this.keep({ ...this.kept, cancelling: false })
  }

  // --- following -------------------------------------------------------------------------------------------------

  private watch(): void {
    const kept = this.kept
    if (kept === undefined) return
    this.unwatch()
    this.linkState = 'connecting'
    this.link = new Link({
      path: '/ws/resident',
      hello: () => ({ token: this.options.token() ?? '', call_id: kept.id }),
      onFrame: (frame) => this.take(frame),
      onState: (state) => this.linked(state),
      snapshot: 'status',
    })
  }

  private unwatch(): void {
    this.link?.close()
    this.link = undefined
    this.awaySince = undefined
  }

  private take(frame: Frame): void {
    if (frame.t === 'welcome') ticking.learn(String(frame.at))
    if (frame.t === 'status') this.show(frame as unknown as CallStatus)
  }

  private show(status: CallStatus): void {
    this.status = status
    this.statusAt = ticking.now
    if (this.over) this.locator.stop()
  }

  private linked(state: LinkState): void {
    this.linkState = state
    if (state === 'live') this.awaySince = undefined
    else if (state === 'away') this.awaySince ??= ticking.now - Math.min(this.link?.silence ?? 0, 60_000)
    else if (state === 'refused') void this.refused()
  }

  /** Not signed in any more, or not this person's call: the API says which. */
  private async refused(): Promise<void> {
    const id = this.kept?.id
    if (id === undefined) return
    const path = { call_id: id }
    const status = await this.options.client.GET('/api/v1/calls/{call_id}', { params: { path } })
      .then(({ response }) => response.status, () => 0)
    if (this.ended || this.kept?.id !== id) return
    if (status === 403 || status === 404) this.dismiss()
    else if (status === 401) this.options.onLost()
    else setTimeout(() => { if (!this.ended && this.kept?.id === id) this.watch() }, AGAIN_MS)
  }
}

/** Absence and overload pass by themselves; a refusal does not. */
function passes(problem: Problem): boolean {
  const { status } = problem.document
  return status === 0 || status >= 500 || status === 429 || status === 408
}
