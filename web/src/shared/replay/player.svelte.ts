/** The replay's clock, its steps page by page, and the board of the moment that it stands at. Reads, and nothing else. */

import { answer, problemOf, type Client, type Problem } from '$shared/api/client'
import { countKnown, fold, joined, knownAt, type CaseReplay, type Known, type ReplayMoment } from './replay'

export const SPEEDS = [1, 8, 60] as const
const FRAME_MS = 250
/** Between two questions for the board of a moment. */
const GAP_MS = 500
const KEPT = 200

export class Player {
  replay = $state.raw<CaseReplay | undefined>(undefined)
  problem = $state.raw<Problem | undefined>(undefined)
  /** The moment that is shown, in ms. */
  at = $state(0)
  /** How many steps are known; after a jump to a step exactly up to it, though others bear the same millisecond. */
  count = $state(0)
  playing = $state(false)
  speed = $state<(typeof SPEEDS)[number]>(8)
  moment = $state.raw<ReplayMoment | undefined>(undefined)
  momentProblem = $state.raw<Problem | undefined>(undefined)
  readonly known = $derived<Known>(fold(this.replay?.steps ?? [], this.count))

  private readonly kept = new Map<string, ReplayMoment>()
  private readonly beat: ReturnType<typeof setInterval>
  private asking = false
  private askedAt = -Infinity
  private wanted: string | undefined
  private ended = false

  constructor(private readonly client: Client, private readonly id: string) {
    this.beat = setInterval(() => this.tick(), FRAME_MS)
    void this.load()
  }

  get steps(): CaseReplay['steps'] {
    return this.replay?.steps ?? []
  }

  get from(): number {
    return this.steps[0] === undefined ? 0 : knownAt(this.steps[0])
  }

  get to(): number {
    const last = this.steps.at(-1)
    return last === undefined ? 0 : knownAt(last)
  }

  close(): void {
    this.ended = true
    clearInterval(this.beat)
  }

  /** Show a moment; `at` in ms, held within the case. */
  seek(at: number): void {
    this.at = Math.min(this.to, Math.max(this.from, at))
    // to the millisecond a step's own time counts as known
    this.count = Math.max(Math.min(1, this.steps.length), countKnown(this.steps, this.at))
    this.look()
  }

  /** Show how things stood right after a step, by its place in the list. */
  step(place: number): void {
    const index = Math.min(this.steps.length - 1, Math.max(0, place))
    const step = this.steps[index]
    if (step === undefined) return
    this.playing = false
    this.count = index + 1
    this.at = knownAt(step)
    this.look()
  }

  next(): void {
    this.step(this.count)
  }

  previous(): void {
    // between two steps, back is to the one that was last
    const last = this.steps[this.count - 1]
    this.step(last !== undefined && this.at > knownAt(last) ? this.count - 1 : this.count - 2)
  }

  toggle(): void {
    if (!this.playing && this.at >= this.to) this.seek(this.from)
    this.playing = !this.playing
  }

  async load(): Promise<void> {
    this.problem = undefined
    try {
      const params = { path: { incident_id: this.id } }
      let replay = await answer(this.client.GET('/api/v1/operator/incidents/{incident_id}/replay', { params }))
      while (replay.next_after !== null && !this.ended) {
        const query = { after: replay.next_after }
        const page = await answer(this.client.GET('/api/v1/operator/incidents/{incident_id}/replay', { params: { ...params, query } }))
        replay = joined(replay, page)
      }
      if (this.ended) return
      this.replay = replay
      this.step(0)
    } catch (caught) {
      this.problem = problemOf(caught)
    }
  }

  private tick(): void {
    if (this.playing) {
      this.seek(this.at + FRAME_MS * this.speed)
      if (this.at >= this.to) this.playing = false
    }
    void this.ask()
  }

  /** What board the present place wants: that of a step by its number, else that of the second. */
  private look(): void {
    const step = this.steps[this.count - 1]
    if (step === undefined) return
    this.wanted = this.at === knownAt(step) ? `seq=${step.seq}` : `at=${Math.floor(this.at / 1000) * 1000}`
    const kept = this.kept.get(this.wanted)
    if (kept !== undefined) {
      this.moment = kept
      this.wanted = undefined
    } else void this.ask()
  }

  private async ask(): Promise<void> {
    const wanted = this.wanted
    if (wanted === undefined || this.asking || this.ended || performance.now() - this.askedAt < GAP_MS) return
    this.asking = true
    this.askedAt = performance.now()
    try {
      const [name, value] = wanted.split('=')
      const query = name === 'seq' ? { seq: Number(value) } : { at: new Date(Number(value)).toISOString() }
      const moment = await answer(this.client.GET('/api/v1/operator/incidents/{incident_id}/replay/moment', {
        params: { path: { incident_id: this.id }, query }, signal: AbortSignal.timeout(10_000),
      }))
      this.momentProblem = undefined
      if (this.kept.size >= KEPT) this.kept.clear()
      this.kept.set(wanted, moment)
      // while it plays the board of a moment ago is nearer than the one before
      if (this.wanted === wanted || this.playing) this.moment = moment
      if (this.wanted === wanted) this.wanted = undefined
    } catch (caught) {
      this.momentProblem = problemOf(caught)
    } finally {
      this.asking = false
    }
  }
}
