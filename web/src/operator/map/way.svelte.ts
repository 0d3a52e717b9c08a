/** The way that the map draws: asked for again when its ends have moved, and never more than twice in ten seconds. */

import { answer, type Client } from '$shared/api/client'
import type { Point } from '../state/api'
import { Reading } from '../state/reading.svelte'

export interface Ends { from: Point; to: Point }

const GAP_MS = 5000
/** About 50 m: less than that is not another way. */
const NEAR_DEG = 0.0005

export class Way {
  private reading = $state.raw<Reading<[number, number][]> | undefined>(undefined)
  private drawn: Ends | undefined

  constructor(private readonly client: Client, private readonly ends: () => Ends | undefined) {
    $effect(() => this.follow(this.ends()))
  }

  get geometry(): [number, number][] | undefined {
    return this.reading?.data
  }

  stop(): void {
    this.reading?.stop()
  }

  private follow(ends: Ends | undefined): void {
    if (ends === undefined || this.drawn === undefined || !near(ends.to, this.drawn.to) || far(ends.from, this.drawn.from)) {
      this.reading?.stop()
      this.reading = undefined
    }
    if (ends === undefined) {
      this.drawn = undefined
      return
    }
    if (this.reading !== undefined && this.drawn !== undefined && near(ends.from, this.drawn.from)) return
    this.drawn = ends
    if (this.reading !== undefined) this.reading.again()
    else this.reading = new Reading({ ask: () => this.ask(), gapMs: GAP_MS })
  }

  private async ask(): Promise<[number, number][]> {
    if (this.drawn === undefined) return []
    const { from, to } = this.drawn
    const query = { from_lon: from.lon, from_lat: from.lat, to_lon: to.lon, to_lat: to.lat }
    const route = await answer(this.client.GET('/api/v1/route', { params: { query } }))
    return route.geometry as [number, number][]
  }
}

function near(a: Point, b: Point): boolean {
  return Math.abs(a.lon - b.lon) < NEAR_DEG && Math.abs(a.lat - b.lat) < NEAR_DEG
}

/** Another unit, not the same one a little further: the old line would lie meanwhile. */
function far(a: Point, b: Point): boolean {
  return Math.abs(a.lon - b.lon) > 20 * NEAR_DEG || Math.abs(a.lat - b.lat) > 20 * NEAR_DEG
}
