/** The roads that are closed or slow, as every desk sees them, and the change that this desk is making. */

import { answer, problemOf, type Problem } from '$shared/api/client'
import type { MapDrawing, MapRoadChange, Place } from '$shared/map/types'
import { makeUuid } from '$shared/uuid'
import type { Desk } from '../state/desk.svelte'
import { Reading } from '../state/reading.svelte'
import type { EventView, NewRoadChange, RoadChange, RoadChangePreview } from '../state/api'
import { borderOf, LEAST, sameShape, shapeOf, type Kind, type Shape } from './shape'
import type { Until } from './times'

/** Lifted and ended ones stay in the list so long, to be put back. */
const ENDED_HOURS = 12
const PREVIEW_GAP_MS = 350

/** What the form asks for beside the drawing. */
export interface Wish {
  effect: 'close' | 'slow'
  factor: number
  reason: NewRoadChange['reason']
  note: string
  /** Empty: from now on. */
  from: string
  until: Until
  own: string
}

const BLANK: Wish = { effect: 'close', factor: 0.5, reason: 'flood', note: '', from: '', until: 'hours', own: '' }

export function concernsRoads(event: EventView | undefined): boolean {
  return event === undefined || event.kind.startsWith('road_change')
}

export class RoadBook {
  readonly list: Reading<RoadChange[]>
  readonly standing: RoadChange[] = $derived.by(() => (this.list.data ?? []).filter((c) => c.state === 'active' || c.state === 'planned'))
  readonly ended: RoadChange[] = $derived.by(() => (this.list.data ?? []).filter((c) => c.state === 'lifted' || c.state === 'ended'))

  /** What is being drawn or was drawn; undefined while nobody makes a change. */
  drawing = $state.raw<MapDrawing | undefined>(undefined)
  /** Points are still being set. */
  open = $state(false)
  /** The change that is looked at. */
  chosen = $state<string | undefined>(undefined)
  wish = $state<Wish>({ ...BLANK })
  id = $state(makeUuid())

  shown = $state.raw<RoadChangePreview | undefined>(undefined)
  problem = $state.raw<Problem | undefined>(undefined)
  /** A newer answer is on its way. */
  asking = $state(false)
  private asked: AbortController | undefined
  private timer: ReturnType<typeof setTimeout> | undefined
  private readonly off: () => void

  constructor(private readonly desk: Desk) {
    this.list = new Reading({
      ask: async () => {
        const query = { ended_hours: ENDED_HOURS }
        return (await answer(desk.client.GET('/api/v1/operator/road-changes', { params: { query } }))) as RoadChange[]
      },
      gapMs: 200,
    })
    this.off = desk.on((event) => {
      if (concernsRoads(event)) this.list.again()
    })
  }

  close(): void {
    this.off()
    this.list.stop()
    this.forget()
  }

  get shape(): Shape | undefined {
    return this.drawing === undefined ? undefined : shapeOf(this.drawing)
  }

  /** How many points are missing yet. */
  get missing(): number {
    return this.drawing === undefined ? 0 : Math.max(0, LEAST[this.drawing.kind] - this.drawing.points.length)
  }

  /** As the map draws them: those that stand, and what the drawing would hit. */
  get onMap(): MapRoadChange[] {
    const standing = this.standing.map((change): MapRoadChange => ({
      id: change.id, effect: change.effect, state: change.state === 'planned' ? 'planned' : 'active',
      lines: change.roads.lines, area: borderOf(sameShape(change)),
    }))
    if (this.shown === undefined || this.drawing === undefined) return standing
    return [...standing, { id: this.id, effect: this.wish.effect, state: 'draft', lines: this.shown.roads.lines }]
  }

  begin(kind: Kind): void {
    this.forget()
    this.id = makeUuid()
    this.drawing = { kind, points: [] }
    this.open = true
  }

  again(): void {
    if (this.drawing !== undefined) this.begin(this.drawing.kind)
  }

  add(place: Place): void {
    if (this.drawing === undefined || !this.open) return
    const { kind, points } = this.drawing
    this.drawing = { kind, points: kind === 'point' ? [place] : [...points, place] }
    if (kind === 'point') this.open = false
  }

  undo(): void {
    if (this.drawing === undefined) return
    this.drawing = { ...this.drawing, points: this.drawing.points.slice(0, -1) }
  }

  /** No further points; a drawing that lacks some stays open. */
  end(): boolean {
    if (this.missing > 0) return false
    this.open = false
    return true
  }

  cancel(): void {
    this.forget()
    this.wish = { ...BLANK }
  }

  /** Ask what the drawing would do; a newer question replaces an older one. */
  preview(body: NewRoadChange | undefined): void {
    clearTimeout(this.timer)
    this.asked?.abort()
    this.asking = body !== undefined
    if (body === undefined) {
      this.shown = undefined
      this.problem = undefined
      return
    }
    this.timer = setTimeout(() => void this.look(body), PREVIEW_GAP_MS)
  }

  private async look(body: NewRoadChange): Promise<void> {
    const asked = new AbortController()
    this.asked = asked
    try {
      const shown = await answer(this.desk.client.POST('/api/v1/operator/road-changes/preview', { body, signal: asked.signal }))
      if (asked.signal.aborted) return
      this.shown = shown as RoadChangePreview
      this.problem = undefined
    } catch (caught) {
      if (asked.signal.aborted) return
      this.shown = undefined
      this.problem = problemOf(caught)
    }
    this.asking = false
  }

  async put(body: NewRoadChange): Promise<void> {
    const made = await answer(this.desk.client.POST('/api/v1/operator/road-changes', { body }))
    this.cancel()
    this.chosen = made.id
    this.list.again()
  }

  async extend(change: RoadChange, ends_at: string | null): Promise<void> {
    const params = { path: { change_id: change.id } }
    await answer(this.desk.client.PATCH('/api/v1/operator/road-changes/{change_id}', { params, body: { ends_at } }))
    this.list.again()
  }

  async lift(change: RoadChange): Promise<void> {
    await answer(this.desk.client.POST('/api/v1/operator/road-changes/{change_id}/lifting', { params: { path: { change_id: change.id } } }))
    this.list.again()
  }

  /** The same once more, from now on; until its old end where that is still to come. */
  async putBack(change: RoadChange, id: string, now: number): Promise<void> {
    const { effect, speed_factor, reason, note, ends_at } = change
    await this.put({
      id, shape: sameShape(change), effect, speed_factor, reason, note,
      ends_at: ends_at !== null && Date.parse(ends_at) > now ? ends_at : null,
    })
  }

  private forget(): void {
    this.preview(undefined)
    this.drawing = undefined
    this.open = false
  }
}
