/** The phone in the ambulance: its desk, its commands, and everything that must reach the server in the end. */

import { problemOf, type Problem, type ProblemDocument } from '$shared/api/client'
import { Link, type Frame, type LinkState } from '$shared/socket'
import { ticking } from '$shared/ticking.svelte'
import { makeUuid } from '$shared/uuid'
import { FixQueue } from './fixes'
import type {
  Aboard, DriverDesk, KeptFix, Move, OutOfService, Readiness, RunSheet, Slip, StepFields, StepResult,
} from './frames'
import { ahead } from './moves'
import { causesOf, Rings } from './rings.svelte'
import { StepQueue, type Outcome } from './steps.svelte'
import type { Store } from './store'

const ANSWER_MS = 8000
const RETRY_MS = 2000

export interface CabOptions {
  store: Store
  who: string
  token: () => string | undefined
  onLost: () => void
}

interface Pending { resolve: (result: unknown) => void; reject: (problem: Problem) => void; timer: ReturnType<typeof setTimeout> }

export class Cab {
  desk = $state.raw<DriverDesk | undefined>(undefined)
  linkState = $state<LinkState>('connecting')
  awaySince = $state<number | undefined>(undefined)
  waitingFixes = $state(0)
  /** The phone has no room for another fix: none is sent. */
  full = $state(false)
  /** Fixes that the server will never take, and its reason. */
  rejected = $state.raw<{ count: number; id: string; en: string } | undefined>(undefined)
  readonly steps: StepQueue
  readonly rings = new Rings()

  private readonly fixes: FixQueue
  private readonly pending = new Map<string, Pending>()
  private link: Link | undefined
  private sending = false
  private ended = false
  /** Notices of which the server knows, or is being told, that this page shows them. */
  private readonly shown = new Set<string>()

  constructor(private readonly options: CabOptions) {
    this.fixes = new FixQueue(options.store, options.who)
    this.steps = new StepQueue(options.store, options.who, (frame) => this.ask(frame))
    document.addEventListener('visibilitychange', this.tellShown)
    void this.begin()
  }

  /** The run as the crew sees it, with steps laid over it that the server does not know yet. */
  get run(): RunSheet | undefined {
    const run = this.desk?.run
    return run == null ? undefined : ahead(run, this.steps.all)
  }

  get aboard(): Aboard | undefined {
    return this.desk?.aboard ?? undefined
  }

  /** Why the unit cannot be sent, with what the crew has said since and the server does not know yet. */
  get unavailable(): OutOfService | undefined {
    const told = this.aboard === undefined ? undefined : this.steps.readinessOf(this.aboard.unit_id)
    if (told === undefined) return this.desk?.unavailable ?? undefined
    if (told.readiness.ready) return undefined
    const { reason, note = null, expected_until = null } = told.readiness
    return { reason, note, expected_until, since: told.device_at }
  }

  /** Whether something wants the crew that it has not answered yet. */
  get ringing(): boolean {
    const run = this.run
    return this.rings.sound(causesOf(this.desk, run, run && this.destinationNotice(run)))
  }

  /** Another destination that the crew has not acknowledged yet. */
  destinationNotice(run: RunSheet): Slip | undefined {
    return this.desk?.notices?.find((slip) => slip.kind === 'destination' && slip.assignment_id === run.assignment_id)
  }

  /** Ask the server to do something now; raises `Problem` when it refuses or cannot be reached. */
  ask(frame: Frame): Promise<unknown> {
    const id = makeUuid()
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.answerTo(id)?.reject(problemOf(undefined)), ANSWER_MS)
      this.pending.set(id, { resolve, reject, timer })
      if (this.link?.send({ ...frame, id }) !== true) this.answerTo(id)?.reject(problemOf(undefined))
    })
  }

  /** Take a step of the run: kept first, sent at once when there is a connection. */
  async step(run: RunSheet, to: Move, fields: StepFields = {}): Promise<Outcome> {
    return this.steps.take(run, to, fields)
  }

  /** Say whether the unit can be sent: kept first, sent at once when there is a connection. */
  async declare(readiness: Readiness): Promise<Outcome> {
    if (this.aboard === undefined) throw problemOf(undefined)
    return this.steps.declare(this.aboard, readiness)
  }

  /** A new fix: kept first, then sent. */
  async position(fix: Omit<KeptFix, 'who' | 'seq'>): Promise<void> {
    if (this.aboard === undefined) return // where a driver is off duty is not ours
    this.full = await this.fixes.add(fix).then(() => false, () => true)
    this.waitingFixes = this.fixes.size
    this.pump()
  }

  /** After signing in again. */
  resume(): void {
    this.connect()
  }

  close(): void {
    this.ended = true
    document.removeEventListener('visibilitychange', this.tellShown)
    this.link?.close()
    this.steps.close()
  }

  private async begin(): Promise<void> {
    const [kept] = await Promise.all([this.options.store.desk(this.options.who), this.fixes.load(), this.steps.load()])
    this.waitingFixes = this.fixes.size
    if (kept !== undefined && this.desk === undefined) {
      this.desk = kept
      this.awaySince = Date.parse(kept.at) // so old is what is shown, until the server speaks
    }
    if (!this.ended) this.connect()
  }

  private connect(): void {
    this.link?.close()
    this.link = new Link({
      path: '/ws/driver',
      hello: () => ({
        token: this.options.token() ?? '', installation_id: this.options.store.installation, device_at: new Date().toISOString(),
      }),
      onFrame: (frame) => this.take(frame),
      onState: (state) => this.linked(state),
      snapshot: 'desk',
    })
  }

  private linked(state: LinkState): void {
    this.linkState = state
    if (state === 'live') {
      this.awaySince = undefined
      this.steps.connected()
      return
    }
    this.awaySince ??= ticking.now - Math.min(this.link?.silence ?? 0, 60_000)
    this.fixes.adrift()
    for (const id of [...this.pending.keys()]) this.answerTo(id)?.reject(problemOf(undefined))
    this.steps.adrift()
    if (state === 'refused') this.options.onLost()
  }

  private take(frame: Frame): void {
    switch (frame.t) {
      case 'welcome':
        ticking.learn(String(frame.at))
        return
      case 'desk':
        this.show(frame as unknown as DriverDesk)
        return
      case 'done':
        this.learn(frame.result)
        this.answerTo(String(frame.id))?.resolve(frame.result)
        return
      case 'error':
        this.refused(frame)
        return
      case 'positions_saved':
        void this.saved(frame)
    }
  }

  private show(desk: DriverDesk): void {
    ticking.learn(desk.at)
    this.desk = desk
    this.options.store.keepDesk(this.options.who, desk).catch(() => undefined)
    this.tellShown()
    this.pump()
  }

  /** Say which notices stand on this page, once it is one that somebody can see. */
  private readonly tellShown = (): void => {
    if (document.visibilityState !== 'visible' || this.linkState !== 'live') return
    for (const slip of this.desk?.notices ?? []) {
      if (slip.shown || this.shown.has(slip.id)) continue
      this.shown.add(slip.id)
      this.ask({ t: 'notice_shown', notice_id: slip.id }).catch(() => this.shown.delete(slip.id))
    }
  }

  /** A step's answer brings the run's state at once; the desk that follows says the same. */
  private learn(result: unknown): void {
    const step = result as Partial<StepResult> | undefined
    const run = this.desk?.run
    if (this.desk === undefined || run == null || step?.assignment_id !== run.assignment_id || step.state === undefined) return
    this.desk = { ...this.desk, run: { ...run, state: step.state, moves: step.moves ?? [] } }
  }

  private refused(frame: Frame): void {
    const problem = problemOf(frame.problem)
    const document = frame.problem as ProblemDocument
    if (frame.id !== undefined && frame.id !== null) {
      this.answerTo(String(frame.id))?.reject(problem)
      return
    }
    // about positions: they stay, and are sent again
    if (Array.isArray(document.seqs)) this.fixes.failed(document.seqs as number[])
    else this.fixes.adrift()
    setTimeout(() => this.pump(), RETRY_MS)
  }

  private async saved(frame: Frame): Promise<void> {
    const rejected = frame.rejected as { seq: number; reason_id: string; reason_en: string }[]
    const first = rejected[0]
    if (first !== undefined) {
      this.rejected = { count: (this.rejected?.count ?? 0) + rejected.length, id: first.reason_id, en: first.reason_en }
    }
    await this.fixes.settle([...(frame.seqs as number[]), ...rejected.map((one) => one.seq)])
    this.waitingFixes = this.fixes.size
    this.pump()
  }

  /** Send what can be sent: the newest fix, then one frame of what was kept. */
  private pump(): void {
    if (this.sending || this.aboard === undefined || this.linkState !== 'live') return
    this.sending = true
    for (let fixes = this.fixes.next(); fixes.length > 0; fixes = this.fixes.next()) {
      const sent = this.link?.send({ t: 'positions', fixes, sent_at: new Date().toISOString() })
      if (sent !== true) {
        this.fixes.failed(fixes.map((fix) => fix.seq))
        break
      }
    }
    this.sending = false
  }

  private answerTo(id: string): Pending | undefined {
    const found = this.pending.get(id)
    if (found !== undefined) {
      clearTimeout(found.timer)
      this.pending.delete(id)
    }
    return found
  }
}
