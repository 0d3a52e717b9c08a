/** Distances within a regency, exact to a metre or two. */

import type { Place } from './map/types'

const EARTH_M = 6_371_000
const RAD = Math.PI / 180

export type Line = readonly (readonly [number, number])[]

/** Metres east and north of an origin. */
function flat(origin: Place, lon: number, lat: number): [number, number] {
  return [EARTH_M * (lon - origin.lon) * RAD * Math.cos(origin.lat * RAD), EARTH_M * (lat - origin.lat) * RAD]
}

export function metres(a: Place, b: Place): number {
  return Math.hypot(...flat(a, b.lon, b.lat))
}

interface Foot { away: number; index: number; along: number }

/** Where a line comes nearest to a place: how far away, on which piece, and how far along it (0..1). */
function foot(place: Place, line: Line): Foot | undefined {
  let found: Foot | undefined
  for (let index = 1; index < line.length; index += 1) {
    const from = line[index - 1]
    const to = line[index]
    if (from === undefined || to === undefined) continue
    const [ax, ay] = flat(place, ...from)
    const [bx, by] = flat(place, ...to)
    const length = (bx - ax) ** 2 + (by - ay) ** 2
    const along = length === 0 ? 0 : Math.min(1, Math.max(0, -(ax * (bx - ax) + ay * (by - ay)) / length))
    const away = Math.hypot(ax + along * (bx - ax), ay + along * (by - ay))
    if (found === undefined || away < found.away) found = { away, index, along }
  }
  return found
}

/** Metres from a place to the nearest piece of a line; infinite when there is no line. */
export function offLine(place: Place, line: Line): number {
  return foot(place, line)?.away ?? Infinity
}

export function lengthOf(line: Line): number {
  let sum = 0
  for (let index = 1; index < line.length; index += 1) {
    const [a, b] = [line[index - 1], line[index]]
    if (a !== undefined && b !== undefined) sum += metres({ lon: a[0], lat: a[1] }, { lon: b[0], lat: b[1] })
  }
  return sum
}

/** What is left of a line for somebody who has come as far as a place. */
export function restOf(place: Place, line: Line): [number, number][] {
  const at = foot(place, line)
  const [from, to] = at === undefined ? [] : [line[at.index - 1], line[at.index]]
  if (at === undefined || from === undefined || to === undefined) return []
  const here: [number, number] = [from[0] + at.along * (to[0] - from[0]), from[1] + at.along * (to[1] - from[1])]
  return [here, ...line.slice(at.index).map(([lon, lat]): [number, number] => [lon, lat])]
}
