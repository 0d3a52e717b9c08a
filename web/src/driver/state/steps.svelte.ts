/** The queue of steps: kept on the phone when taken, sent one by one in that order, and gone only with an answer. */

import { Problem, problemOf } from '$shared/api/client'
import type { Frame } from '$shared/socket'
import { makeUuid } from '$shared/uuid'
import type { KeptStep, Move, RunSheet, StepFields, StepResult } from './frames'
import type { Store } from './store'

/** What became of a step within the time a person waits for it. */
export type Outcome = { kind: 'done' | 'reported' | 'waiting' } | { kind: 'refused'; problem: Problem }

const PATIENCE_MS = 3000
const RETRY_MS = 2000

export class StepQueue {
  /** Waiting steps in the order they were taken, and answered ones that the crew must still read. */
  all = $state.raw<KeptStep[]>([])
  private readonly watchers = new Map<string, (outcome: Outcome) => void>()
  private live = false
  private sending = false
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(
    private readonly store: Store,
    private readonly who: string,
    private readonly ask: (frame: Frame) => Promise<unknown>,
  ) {}

  get waiting(): KeptStep[] {
    return this.all.filter((step) => step.state === 'waiting')
  }

  /** Take up what an earlier page left. */
  async load(): Promise<void> {
    const kept = await this.store.steps(this.who)
    const known = new Set(kept.map((step) => step.id))
    this.all = [...kept, ...this.all.filter((step) => !known.has(step.id))]
  }

  connected(): void {
    this.live = true
    void this.send()
  }

  adrift(): void {
    this.live = false
  }

  close(): void {
    this.live = false
    clearTimeout(this.timer)
  }

  async take(run: RunSheet, to: Move, fields: StepFields): Promise<Outcome> {
    const step = await this.store.addStep({
      who: this.who, id: makeUuid(), assignment_id: run.assignment_id, incident_number: run.incident_number, to, fields,
      device_at: new Date().toISOString(), state: 'waiting',
    })
    this.all = [...this.all, step]
    if (!this.live) return { kind: 'waiting' }
    return new Promise((resolve) => {
      const end = (outcome: Outcome): void => {
        clearTimeout(timer)
        this.watchers.delete(step.id)
        resolve(outcome)
      }
      const timer = setTimeout(() => end({ kind: 'waiting' }), PATIENCE_MS)
      this.watchers.set(step.id, end)
      void this.send()
    })
  }

  /** The crew has read what the server said of a step. */
  async dismiss(step: KeptStep): Promise<void> {
    await this.drop(step)
  }

  private async send(): Promise<void> {
    if (this.sending) return
    this.sending = true
    clearTimeout(this.timer)
    try {
      for (let step = this.waiting[0]; this.live && step !== undefined; step = this.waiting[0]) {
        if (!(await this.deliver(step))) {
          this.timer = setTimeout(() => void this.send(), RETRY_MS)
          break
        }
      }
    } finally {
      this.sending = false
    }
  }

  /** Whether the server has answered; when not, the step stays first in line. */
  private async deliver(step: KeptStep): Promise<boolean> {
    const { assignment_id, to, device_at, fields } = step
    try {
      const result = (await this.ask({
        t: 'step', assignment_id, to, device_at, sent_at: new Date().toISOString(), ...fields,
      })) as StepResult
      if (result.reported) await this.settle(step, { ...step, state: 'reported' })
      else await this.drop(step)
      this.watchers.get(step.id)?.({ kind: result.reported ? 'reported' : 'done' })
      return true
    } catch (caught) {
      const problem = problemOf(caught)
      const { status } = problem.document
      if (status === 0 || status >= 500 || status === 429) return false
      const watcher = this.watchers.get(step.id)
      // whoever still looks at the form is told there; otherwise it is kept to be read
      if (watcher !== undefined) await this.drop(step)
      else await this.settle(step, { ...step, state: 'refused', problem: problem.document })
      watcher?.({ kind: 'refused', problem })
      return true
    }
  }

  private async settle(step: KeptStep, answered: KeptStep): Promise<void> {
    await this.store.putStep(answered)
    this.all = this.all.map((one) => (one.id === step.id ? answered : one))
  }

  private async drop(step: KeptStep): Promise<void> {
    if (step.n !== undefined) await this.store.dropStep(step.n)
    this.all = this.all.filter((one) => one.id !== step.id)
  }
}
