/** A place being chosen on the map for whoever asked: a form, a call, an incident. */

import type { Chosen, Point } from './api'

export class Picking {
  /** What the place is for, in words; undefined while nobody asks. */
  asked = $state<string | undefined>(undefined)
  place = $state.raw<Chosen | undefined>(undefined)
  private done: ((place: Chosen) => void) | undefined

  /** Ask for a place; a question that was open is dropped. */
  ask(what: string, from: Point | null | undefined, done: (place: Chosen) => void): void {
    this.asked = what
    this.place = from ?? undefined
    this.done = done
  }

  /** `accuracyM` is that of a place found by name; a point that somebody has set is meant exactly. */
  point(place: Point, accuracyM: number | null = null): void {
    this.place = { lon: place.lon, lat: place.lat, ...(accuracyM === null ? {} : { accuracy_m: accuracyM }) }
  }

  take(): void {
    const { place, done } = this
    this.cancel()
    if (place !== undefined) done?.(place)
  }

  /** Whoever asked is gone, and with it what the place was for; a question of somebody else stays. */
  drop(done: ((place: Chosen) => void) | undefined): void {
    if (done !== undefined && done === this.done) this.cancel()
  }

  cancel(): void {
    this.asked = undefined
    this.place = undefined
    this.done = undefined
  }
}

/** A place as people send it in a message: `-6.5459, 107.4344`, in either order; undefined when it is none. */
export function readPlace(text: string): Point | undefined {
  const found = /^\s*(-?\d{1,3}(?:[.,]\d+)?)\s*[,;\s]\s*(-?\d{1,3}(?:[.,]\d+)?)\s*$/.exec(text)
  if (found === null) return undefined
  const [a, b] = [found[1], found[2]].map((part) => Number(String(part).replace(',', '.')))
  if (a === undefined || b === undefined || !Number.isFinite(a) || !Number.isFinite(b)) return undefined
  // Indonesia: latitudes -11..6, longitudes 95..141
  const lat = Math.abs(a) <= 15 ? a : b
  const lon = Math.abs(a) <= 15 ? b : a
  return Math.abs(lat) <= 15 && lon >= 90 && lon <= 145 ? { lon, lat } : undefined
}
