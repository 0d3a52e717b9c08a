/** Looking for a village or a facility by name, as it is typed; a late answer to an earlier question is thrown away. */

import { answer, problemOf, type Client, type Problem } from '$shared/api/client'
import type { PlaceFound } from '../state/api'

const PAUSE_MS = 180
/** A single letter is half the regency. */
const LEAST = 2

export class PlaceSearch {
  found = $state.raw<PlaceFound[]>([])
  problem = $state.raw<Problem | undefined>(undefined)
  /** What the list answers; undefined while nothing is asked. */
  asked = $state<string | undefined>(undefined)
  /** Which of the list the keyboard stands on. */
  at = $state(0)
  private wanted = ''
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly client: Client) {}

  /** Whether there is anything to show. */
  get open(): boolean {
    return this.asked !== undefined
  }

  type(text: string): void {
    this.wanted = text.trim()
    clearTimeout(this.timer)
    if (this.wanted.length < LEAST) this.close()
    else this.timer = setTimeout(() => void this.ask(this.wanted), PAUSE_MS)
  }

  close(): void {
    clearTimeout(this.timer)
    this.wanted = ''
    this.asked = undefined
    this.found = []
    this.problem = undefined
    this.at = 0
  }

  /** Move within the list; whether the key was one of its own. */
  move(key: string): boolean {
    if (!this.open || this.found.length === 0) return false
    if (key === 'ArrowDown') this.at = Math.min(this.found.length - 1, this.at + 1)
    else if (key === 'ArrowUp') this.at = Math.max(0, this.at - 1)
    else return false
    return true
  }

  private async ask(name: string): Promise<void> {
    try {
      const found = await answer(this.client.GET('/api/v1/operator/places', { params: { query: { name } } }))
      if (name !== this.wanted) return
      this.found = found
      this.problem = undefined
    } catch (caught) {
      if (name !== this.wanted) return
      this.found = []
      this.problem = problemOf(caught)
    }
    this.at = 0
    this.asked = name
  }
}
