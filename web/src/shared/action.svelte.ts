/** One button's work: runs once at a time, keeps the problem it met, never twice for a double click. */

import { problemOfPress, type Problem } from './api/client'

export class Action<A extends unknown[]> {
  busy = $state(false)
  problem = $state<Problem | undefined>(undefined)

  constructor(private readonly work: (...args: A) => Promise<void>) {}

  run = async (...args: A): Promise<boolean> => {
    if (this.busy) return false
    this.busy = true
    this.problem = undefined
    try {
      await this.work(...args)
      return true
    } catch (caught) {
      if (!(caught instanceof Error) || caught.name === 'AbortError') throw caught
      this.problem = problemOfPress(caught)
      return false
    } finally {
      this.busy = false
    }
  }
}
