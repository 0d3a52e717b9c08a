/** A drawing as the server takes it, and back. */

import type { MapDrawing } from '$shared/map/types'
import type { NewRoadChange, RoadChange } from '../state/api'

export type Kind = MapDrawing['kind']
export type Shape = NewRoadChange['shape']
type Pair = [number, number]

/** How many points a drawing needs before it is one. */
export const LEAST: Record<Kind, number> = { point: 1, line: 2, area: 3 }

export function shapeOf(drawing: MapDrawing): Shape | undefined {
  const points = drawing.points.map(({ lon, lat }): Pair => [lon, lat])
  const [first] = points
  if (first === undefined || points.length < LEAST[drawing.kind]) return undefined
  switch (drawing.kind) {
    case 'point': return { type: 'Point', coordinates: first }
    case 'line': return { type: 'LineString', coordinates: points }
    case 'area': return { type: 'Polygon', coordinates: [[...points, first]] }
  }
}

/** The shape of a change that stands, to be sent again. */
export function sameShape(change: RoadChange): Shape {
  return change.shape as unknown as Shape
}

/** The border of an area; nothing for points and lines. */
export function borderOf(shape: Shape): Pair[] | undefined {
  return shape.type === 'Polygon' ? (shape.coordinates[0] as Pair[]) : undefined
}
