/** Cases to look back at, page by page, and what was asked for; kept while one of them is replayed. */

import type { components } from '../api/schema'
import { answer, problemOf, type Client, type Problem } from '../api/client'

export type PastCase = components['schemas']['PastCase']

/** Typing goes on for so long before it is asked for. */
const PAUSE_MS = 250

export class PastBook {
  asked = $state('')
  /** A local day (`2026-11-20`); empty for all. */
  day = $state('')
  cases = $state.raw<PastCase[] | undefined>(undefined)
  problem = $state.raw<Problem | undefined>(undefined)
  busy = $state(false)
  /** Where the next page begins; null when there is none. */
  next = $state.raw<string | null>(null)

  private asking: AbortController | undefined
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly client: Client) {}

  /** What is wanted was changed: ask from the first page on, once the typing pauses. */
  changed(): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => void this.read(), PAUSE_MS)
  }

  /** Ask anew, or for the page that follows; a newer question replaces an older one. */
  async read(more = false): Promise<void> {
    clearTimeout(this.timer)
    this.asking?.abort()
    const asking = new AbortController()
    this.asking = asking
    this.busy = true
    const [q, day, before] = [this.asked.trim(), this.day, more ? this.next : null]
    const query = { ...(q ? { q } : {}), ...(day ? { day } : {}), ...(before === null ? {} : { before }) }
    try {
      const page = await answer(this.client.GET('/api/v1/operator/incidents', { params: { query }, signal: asking.signal }))
      if (this.asking !== asking) return
      this.cases = more ? [...(this.cases ?? []), ...page.cases] : page.cases
      this.next = page.next_before
      this.problem = undefined
    } catch (caught) {
      if (this.asking === asking) this.problem = problemOf(caught)
    } finally {
      if (this.asking === asking) this.busy = false
    }
  }
}
