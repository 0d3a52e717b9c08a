/** Where units are between two fixes: the marker glides to the new place within a second. */

import { sameLook } from './overlay'
import type { MapUnit, Place } from './types'

export const GLIDE_MS = 1000
/** Beyond this a unit has not driven but was corrected; gliding there would lie. About 2 km, in degrees. */
const JUMP_DEG = 0.018

interface Track { from: Place; to: Place; since: number }

export interface Placed { unit: MapUnit; place: Place }

export class Motion {
  private readonly tracks = new Map<string, Track>()
  private units: readonly MapUnit[] = []
  private drawn: readonly Placed[] = []
  private until = 0

  constructor(private readonly still: boolean = false) {}

  /** Take over new places; units that are no longer listed are forgotten. */
  take(units: readonly MapUnit[], now: number): void {
    const before = new Map(this.tracks)
    this.tracks.clear()
    for (const unit of units) {
      const track = before.get(unit.id)
      const moved = track !== undefined && (track.to.lon !== unit.lon || track.to.lat !== unit.lat)
      if (track !== undefined && !moved) {
        this.tracks.set(unit.id, track)
        continue
      }
      const to = { lon: unit.lon, lat: unit.lat }
      const from = track === undefined || this.still ? to : this.along(track, now)
      const far = Math.abs(from.lon - to.lon) > JUMP_DEG || Math.abs(from.lat - to.lat) > JUMP_DEG
      this.tracks.set(unit.id, { from: far ? to : from, to, since: now })
      if (!far && from !== to) this.until = Math.max(this.until, now + GLIDE_MS)
    }
    this.units = units
  }

  /** Whether some unit has not arrived yet. */
  moving(now: number): boolean {
    return now < this.until
  }

  /** Every unit with its place of this moment. */
  at(now: number): Placed[] {
    return this.units.map((unit) => {
      const track = this.tracks.get(unit.id)
      return { unit, place: track === undefined ? unit : this.along(track, now) }
    })
  }

  /** As `at`, for a drawing: what comes after is compared with it. */
  draw(now: number): Placed[] {
    const placed = this.at(now)
    this.drawn = placed
    return placed
  }

  /** Whether the last drawing shows something else than this moment: another look, or a unit further off than `reach` degrees. */
  outdated(now: number, reach: number): boolean {
    if (this.drawn.length !== this.units.length) return true
    return this.drawn.some(({ unit, place }, n) => {
      const present = this.units[n]
      if (present === undefined || present.id !== unit.id) return true
      if (present !== unit && !sameLook(present, unit)) return true
      const track = this.tracks.get(unit.id)
      const at = track === undefined ? present : this.along(track, now)
      return Math.abs(at.lon - place.lon) >= reach || Math.abs(at.lat - place.lat) >= reach
    })
  }

  private along({ from, to, since }: Track, now: number): Place {
    const share = Math.min(1, Math.max(0, (now - since) / GLIDE_MS))
    if (share === 1) return to
    return { lon: from.lon + (to.lon - from.lon) * share, lat: from.lat + (to.lat - from.lat) * share }
  }
}
