/** Whether the paper board comes out: asked now and then, and at once when an event says that something changed. */

import { answer } from '$shared/api/client'
import type { components } from '$shared/api/schema'
import type { Desk } from '../state/desk.svelte'
import { Reading } from '../state/reading.svelte'

export type PaperState = components['schemas']['PaperState']
const EVERY_MS = 60_000
/** A board a minute, and time to make it. */
const LATE_S = 180

export class PaperWatch {
  readonly reading: Reading<PaperState>
  private readonly timer: ReturnType<typeof setInterval>
  private readonly leave: () => void

  constructor(desk: Desk) {
    this.reading = new Reading({ ask: () => answer(desk.client.GET('/api/v1/operator/paper')) })
    this.timer = setInterval(() => this.reading.again(), EVERY_MS)
    this.leave = desk.on((event) => {
      if (event === undefined || event.kind.startsWith('paper_')) this.reading.again()
    })
  }

  close(): void {
    clearInterval(this.timer)
    this.leave()
    this.reading.stop()
  }
}

/** How many seconds old the last board is where that is too old; Infinity when there never was one. */
export function overdue(state: PaperState, now: number): number | undefined {
  if (!state.on) return undefined
  const age = state.made_at === null ? Infinity : (now - Date.parse(state.made_at)) / 1000
  return age > LATE_S ? age : undefined
}
