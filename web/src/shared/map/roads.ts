/** Roads that are closed or slow, and what is being drawn: as the map is given them, and how they look. */

import type { ExpressionSpecification, FilterSpecification, LayerSpecification } from 'maplibre-gl'
import type { Feature, FeatureCollection } from 'geojson'
import { lengthOf, type Line } from '../geometry'
import { token } from './tokens'
import type { MapDrawing, MapRoadChange } from './types'

const coordinates = (line: Line): number[][] => line.map(([lon, lat]) => [lon, lat])

export function changeData(changes: readonly MapRoadChange[], selected: readonly string[]): FeatureCollection {
  const features = changes.flatMap((change): Feature[] => {
    const properties = { id: change.id, effect: change.effect, state: change.state, selected: selected.includes(change.id) }
    const made: Feature[] = [{
      type: 'Feature', properties, geometry: { type: 'MultiLineString', coordinates: change.lines.map(coordinates) },
    }]
    if (change.area !== undefined) {
      made.push({ type: 'Feature', properties, geometry: { type: 'Polygon', coordinates: [coordinates(change.area)] } })
    }
    const sign = middle(change)
    if (sign !== undefined) made.push({ type: 'Feature', properties, geometry: { type: 'Point', coordinates: sign } })
    return made
  })
  return { type: 'FeatureCollection', features }
}

/** Where the sign of a change stands: half way along its longest stretch. */
function middle(change: MapRoadChange): [number, number] | undefined {
  const [longest] = [...change.lines].sort((a, b) => lengthOf(b) - lengthOf(a))
  if (longest === undefined) return undefined
  let left = lengthOf(longest) / 2
  for (let index = 1; index < longest.length; index += 1) {
    const [from, to] = [longest[index - 1], longest[index]]
    if (from === undefined || to === undefined) continue
    const piece = lengthOf([from, to])
    if (piece >= left) {
      const along = piece === 0 ? 0 : left / piece
      return [from[0] + along * (to[0] - from[0]), from[1] + along * (to[1] - from[1])]
    }
    left -= piece
  }
  return undefined
}

export function drawingData(drawing: MapDrawing | undefined): FeatureCollection {
  const points = drawing?.points.map(({ lon, lat }) => [lon, lat]) ?? []
  const features: Feature[] = points.map((at, index) => ({
    type: 'Feature', properties: { last: index === points.length - 1 }, geometry: { type: 'Point', coordinates: at },
  }))
  const [first] = points
  if (drawing?.kind === 'area' && first !== undefined && points.length > 2) {
    features.push({ type: 'Feature', properties: {}, geometry: { type: 'Polygon', coordinates: [[...points, first]] } })
  } else if (drawing !== undefined && drawing.kind !== 'point' && points.length > 1) {
    features.push({ type: 'Feature', properties: {}, geometry: { type: 'LineString', coordinates: points } })
  }
  return { type: 'FeatureCollection', features }
}

const SELECTED = ['boolean', ['get', 'selected'], false] as ExpressionSpecification
const LINES = ['==', ['geometry-type'], 'MultiLineString'] as ExpressionSpecification
const width = (base: number): ExpressionSpecification =>
  ['interpolate', ['linear'], ['zoom'], 9, base * 0.6, 13, base, 16, base * 1.7]

/** Closed: red barrier tape. Slow: amber, dotted. What is only planned is fainter. */
export function changeLayers(): LayerSpecification[] {
  const source = { source: 'changes' } as const
  const faint = ['match', ['get', 'state'], 'planned', 0.45, 1] as ExpressionSpecification
  const colour = ['match', ['get', 'effect'], 'close', token('--bad'), token('--map-slow')] as ExpressionSpecification
  const of = (effect: string): FilterSpecification =>
    ['all', ['any', LINES, ['==', ['geometry-type'], 'LineString']], ['==', ['get', 'effect'], effect]]
  return [
    {
      id: 'change-area', type: 'fill', ...source, filter: ['==', ['geometry-type'], 'Polygon'],
      paint: { 'fill-pattern': ['concat', 'hatch-', ['get', 'effect']], 'fill-opacity': ['match', ['get', 'state'], 'planned', 0.2, 0.5] },
    },
    {
      id: 'change-border', type: 'line', ...source, filter: ['==', ['geometry-type'], 'Polygon'],
      paint: { 'line-color': colour, 'line-width': 1.5, 'line-dasharray': [4, 2], 'line-opacity': faint },
    },
    {
      id: 'change-edge', type: 'line', ...source, filter: ['!=', ['geometry-type'], 'Polygon'],
      layout: { 'line-cap': 'butt', 'line-join': 'round' },
      paint: {
        'line-color': token('--surface'), 'line-opacity': faint,
        'line-width': ['interpolate', ['linear'], ['zoom'], 9, ['case', SELECTED, 9, 5.4], 13, ['case', SELECTED, 13, 9], 16, ['case', SELECTED, 20, 15]],
      },
    },
    {
      id: 'change-close', type: 'line', ...source, filter: of('close'), layout: { 'line-join': 'round' },
      paint: { 'line-color': token('--bad'), 'line-width': width(6), 'line-opacity': faint },
    },
    {
      id: 'change-close-tape', type: 'line', ...source, filter: of('close'), layout: { 'line-join': 'round' },
      paint: { 'line-color': token('--surface'), 'line-width': width(6), 'line-dasharray': [0.55, 1.1], 'line-opacity': faint },
    },
    {
      id: 'change-slow', type: 'line', ...source, filter: of('slow'), layout: { 'line-join': 'round' },
      paint: { 'line-color': token('--map-slow'), 'line-width': width(6), 'line-opacity': faint },
    },
    {
      id: 'change-slow-dots', type: 'line', ...source, filter: of('slow'), layout: { 'line-join': 'round', 'line-cap': 'round' },
      paint: { 'line-color': token('--surface'), 'line-width': width(2), 'line-dasharray': [0.1, 3.4], 'line-opacity': faint },
    },
    {
      id: 'drawing-area', type: 'fill', source: 'drawing', filter: ['==', ['geometry-type'], 'Polygon'],
      paint: { 'fill-color': token('--accent'), 'fill-opacity': 0.12 },
    },
    {
      id: 'drawing-line', type: 'line', source: 'drawing', filter: ['!=', ['geometry-type'], 'Point'],
      layout: { 'line-join': 'round' },
      paint: { 'line-color': token('--accent'), 'line-width': 2.5, 'line-dasharray': [2, 1.4] },
    },
    {
      id: 'drawing-point', type: 'circle', source: 'drawing', filter: ['==', ['geometry-type'], 'Point'],
      paint: {
        'circle-radius': ['case', ['get', 'last'], 7, 5], 'circle-color': ['case', ['get', 'last'], token('--accent'), token('--surface')],
        'circle-stroke-color': token('--accent'), 'circle-stroke-width': 2.5,
      },
    },
    {
      id: 'change-sign', type: 'symbol', ...source, filter: ['all', ['==', ['geometry-type'], 'Point'], ['!=', ['get', 'state'], 'draft']],
      layout: {
        'icon-image': ['concat', 'road-', ['get', 'effect']], 'icon-allow-overlap': true,
        'icon-size': ['interpolate', ['linear'], ['zoom'], 8, 0.6, 12, 0.9, 15, 1.1],
      },
      paint: { 'icon-opacity': ['match', ['get', 'state'], 'planned', 0.6, 1] },
    },
  ]
}
