/** Distances within a regency, exact to a metre or two. */

import type { Place } from '$shared/map/types'

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

/** Metres from a place to the nearest piece of a line; infinite when there is no line. */
export function offLine(place: Place, line: Line): number {
  let least = Infinity
  for (let index = 1; index < line.length; index += 1) {
    const from = line[index - 1]
    const to = line[index]
    if (from === undefined || to === undefined) continue
    const [ax, ay] = flat(place, ...from)
    const [bx, by] = flat(place, ...to)
    const length = (bx - ax) ** 2 + (by - ay) ** 2
    const along = length === 0 ? 0 : Math.min(1, Math.max(0, -(ax * (bx - ax) + ay * (by - ay)) / length))
    least = Math.min(least, Math.hypot(ax + along * (bx - ax), ay + along * (by - ay)))
  }
  return least
}
