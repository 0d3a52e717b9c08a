/** The way that the map draws. It is asked for once; what the unit has driven is cut off here, and it is asked for again
 *  when the unit has left the line, or the answer has grown old. */

import { answer, type Client } from '$shared/api/client'
import { lengthOf, offLine, restOf } from '$shared/geometry'
import type { components } from '$shared/api/schema'
import type { Ends } from '../state/place.svelte'

const GAP_MS = 5000
const OLD_MS = 60_000
const OFF_M = 150

type Doubts = components['schemas']['Doubt'][]
interface Found { key: string; line: [number, number][]; metres: number; seconds: number; low: number; high: number; doubts: Doubts; at: number }
/** `low` and `high`: between them eight journeys of ten. */
export interface Left { line: [number, number][]; metres: number; seconds: number; low: number; high: number; doubts: Doubts }

export class Way {
  private found = $state.raw<Found | undefined>(undefined)
  /** What is left of it for the unit where it is now; seconds by the road, at life's pace. */
  readonly left: Left | undefined = $derived.by(() => leftOf(this.found, this.ends()))
  private asked: { key: string; at: number } | undefined
  private asking = false
  private readonly timer: ReturnType<typeof setInterval>

  constructor(
    private readonly client: Client,
    private readonly ends: () => Ends | undefined,
    private readonly now: () => number = () => performance.now(),
  ) {
    $effect(() => this.follow(this.ends()))
    this.timer = setInterval(() => this.follow(this.ends()), GAP_MS)
  }

  /** The roads have changed: what was found may lead over one that is closed now. */
  renew(): void {
    if (this.found !== undefined) this.found = { ...this.found, at: -Infinity }
    this.asked = undefined
    this.follow(this.ends())
  }

  stop(): void {
    clearInterval(this.timer)
  }

  private follow(ends: Ends | undefined): void {
    if (ends === undefined || this.asking || !this.wanted(ends)) return
    if (this.asked?.key === ends.key && this.now() - this.asked.at < GAP_MS) return
    void this.ask(ends)
  }

  private wanted(ends: Ends): boolean {
    const found = this.found
    if (found === undefined || found.key !== ends.key) return true
    return this.now() - found.at > OLD_MS || offLine(ends.from, found.line) > OFF_M
  }

  private async ask(ends: Ends): Promise<void> {
    this.asking = true
    this.asked = { key: ends.key, at: this.now() }
    const { from, to } = ends
    const query = { from_lon: from.lon, from_lat: from.lat, to_lon: to.lon, to_lat: to.lat }
    try {
      const route = await answer(this.client.GET('/api/v1/route', { params: { query } }))
      const line = route.geometry as [number, number][]
      this.found = {
        key: ends.key, line, metres: lengthOf(line), seconds: route.total_s, low: route.low_s, high: route.high_s,
        doubts: route.doubts, at: this.now(),
      }
    } catch {
      // no road, or no network: what is drawn stays while it is the same way, and the next look asks again
    } finally {
      this.asking = false
    }
    const next = this.ends()
    if (next !== undefined && next.key !== ends.key) this.follow(next)
  }
}

function leftOf(found: Found | undefined, ends: Ends | undefined): Left | undefined {
  if (found === undefined || ends?.key !== found.key) return undefined
  const line = restOf(ends.from, found.line)
  const metres = lengthOf(line)
  const share = found.metres > 0 ? metres / found.metres : 1
  const { seconds, low, high, doubts } = found
  return { line, metres, seconds: seconds * share, low: low * share, high: high * share, doubts }
}
