/** The queue of what the crew says: kept on the phone, sent one by one in that order, and gone only with an answer. */

import { Problem, problemOf } from '$shared/api/client'
import type { Frame } from '$shared/socket'
import { makeUuid } from '$shared/uuid'
import {
  isStep, type Aboard, type KeptCommand, type KeptReadiness, type KeptStep, type Move, type Readiness, type RunSheet, type StepFields,
  type StepResult,
} from './frames'
import type { Store } from './store'

/** What became of a step within the time a person waits for it. */
export type Outcome = { kind: 'done' | 'reported' | 'waiting' } | { kind: 'refused'; problem: Problem }

const PATIENCE_MS = 3000
const RETRY_MS = 2000

export class StepQueue {
  /** What waits in the order it was said, and what was answered and the crew must still read. */
  kept = $state.raw<KeptCommand[]>([])
  private readonly watchers = new Map<string, (outcome: Outcome) => void>()
  private live = false
  private sending = false
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(
    private readonly store: Store,
    private readonly who: string,
    private readonly ask: (frame: Frame) => Promise<unknown>,
  ) {}

  get all(): KeptStep[] {
    return this.kept.filter(isStep)
  }

  get waiting(): KeptCommand[] {
    return this.kept.filter((command) => command.state === 'waiting')
  }

  /** What was last said of a unit and the server does not know yet. */
  readinessOf(unitId: string): KeptReadiness | undefined {
    return this.waiting.filter((command): command is KeptReadiness => !isStep(command) && command.unit_id === unitId).at(-1)
  }

  /** Take up what an earlier page left. */
  async load(): Promise<void> {
    const kept = await this.store.steps(this.who)
    const known = new Set(kept.map((command) => command.id))
    this.kept = [...kept, ...this.kept.filter((command) => !known.has(command.id))]
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
    return this.keep<KeptStep>({
      ...this.begun(), assignment_id: run.assignment_id, incident_number: run.incident_number, to, fields,
    })
  }

  /** Say whether the unit can be sent. */
  async declare(unit: Pick<Aboard, 'unit_id' | 'call_sign'>, readiness: Readiness): Promise<Outcome> {
    return this.keep<KeptReadiness>({ ...this.begun(), unit_id: unit.unit_id, call_sign: unit.call_sign, readiness })
  }

  private begun(): Pick<KeptCommand, 'who' | 'id' | 'device_at'> & { state: 'waiting' } {
    return { who: this.who, id: makeUuid(), device_at: new Date().toISOString(), state: 'waiting' }
  }

  private async keep<C extends KeptCommand>(said: C): Promise<Outcome> {
    // a phone without room takes the step all the same: it waits on the page, without `n`
    const command = await this.store.addStep(said).catch(() => said)
    this.kept = [...this.kept, command]
    if (!this.live) return { kind: 'waiting' }
    return new Promise((resolve) => {
      const end = (outcome: Outcome): void => {
        clearTimeout(timer)
        this.watchers.delete(command.id)
        resolve(outcome)
      }
      const timer = setTimeout(() => end({ kind: 'waiting' }), PATIENCE_MS)
      this.watchers.set(command.id, end)
      void this.send()
    })
  }

  /** The crew has read what the server said. */
  async dismiss(command: KeptCommand): Promise<void> {
    await this.drop(command)
  }

  private async send(): Promise<void> {
    if (this.sending) return
    this.sending = true
    clearTimeout(this.timer)
    try {
      for (let command = this.waiting[0]; this.live && command !== undefined; command = this.waiting[0]) {
        if (!(await this.deliver(command))) {
          this.timer = setTimeout(() => void this.send(), RETRY_MS)
          break
        }
      }
    } finally {
      this.sending = false
    }
  }

  /** Whether the server has answered; when not, the command stays first in line. */
  private async deliver(command: KeptCommand): Promise<boolean> {
    try {
      const result = (await this.ask({
        ...frameOf(command), device_at: command.device_at, sent_at: new Date().toISOString(),
      })) as Partial<StepResult>
      const reported = result.reported === true
      if (reported) await this.settle(command, { ...command, state: 'reported' })
      else await this.drop(command)
      this.watchers.get(command.id)?.({ kind: reported ? 'reported' : 'done' })
      return true
    } catch (caught) {
      const problem = problemOf(caught)
      const { status } = problem.document
      if (status === 0 || status >= 500 || status === 429) return false
      const watcher = this.watchers.get(command.id)
      // whoever still looks at the form is told there; otherwise it is kept to be read
      if (watcher !== undefined) await this.drop(command)
      else await this.settle(command, { ...command, state: 'refused', problem: problem.document })
      watcher?.({ kind: 'refused', problem })
      return true
    }
  }

  private async settle(command: KeptCommand, answered: KeptCommand): Promise<void> {
    if (answered.n !== undefined) await this.store.putStep(answered).catch(() => undefined)
    this.kept = this.kept.map((one) => (one.id === command.id ? answered : one))
  }

  private async drop(command: KeptCommand): Promise<void> {
    // what cannot be taken away is sent again after a reload: the server knows it by its time
    if (command.n !== undefined) await this.store.dropStep(command.n).catch(() => undefined)
    this.kept = this.kept.filter((one) => one.id !== command.id)
  }
}

function frameOf(command: KeptCommand): Frame {
  if (isStep(command)) return { t: 'step', assignment_id: command.assignment_id, to: command.to, ...command.fields }
  const { ready, ...why } = command.readiness
  return { t: ready ? 'available' : 'unavailable', unit_id: command.unit_id, ...why }
}
