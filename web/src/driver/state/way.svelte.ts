/** The way from the ambulance to where it is wanted: asked for anew when it has left the line, or the minutes grow old. */

import { answer, type Client } from '$shared/api/client'
import type { Place } from '$shared/map/types'
import { metres, offLine } from '$shared/geometry'

const OFF_M = 300
const GAP_MS = 10_000
const OLD_MS = 60_000

export class Way {
  line = $state.raw<[number, number][] | undefined>(undefined)
  /** Seconds and metres left when it was asked for; `at` is the device's clock then. */
  left = $state.raw<{ seconds: number; metres: number; at: number } | undefined>(undefined)
  private target: Place | undefined
  private askedAt = -Infinity
  private asking = false

  constructor(private readonly client: Client) {}

  /** Told of every new position and target. */
  follow(from: Place | undefined, to: Place | undefined): void {
    if (to === undefined || (this.target !== undefined && metres(to, this.target) > 20)) {
      this.line = undefined
      this.left = undefined
      this.askedAt = -Infinity
    }
    this.target = to
    if (from === undefined || to === undefined || this.asking) return
    const since = Date.now() - this.askedAt
    const astray = this.line === undefined || offLine(from, this.line) > OFF_M
    if (since > OLD_MS || (astray && since > GAP_MS)) void this.ask(from, to)
  }

  private async ask(from: Place, to: Place): Promise<void> {
    this.asking = true
    this.askedAt = Date.now()
    const query = { from_lon: from.lon, from_lat: from.lat, to_lon: to.lon, to_lat: to.lat }
    try {
      const route = await answer(this.client.GET('/api/v1/route', { params: { query } }))
      if (this.target === undefined || metres(this.target, to) > 20) return
      this.line = route.geometry as [number, number][]
      this.left = { seconds: route.total_s, metres: route.road_m + route.access_m, at: Date.now() }
    } catch {
      // no road, or no network: the old line stays, and the next fix asks again
    } finally {
      this.asking = false
    }
  }
}
