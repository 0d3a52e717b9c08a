/** How the ground is drawn, from the design tokens, so that light and night are one map. */

import type { ExpressionSpecification, LayerSpecification, StyleSpecification } from 'maplibre-gl'
import { overlayLayers, overlaySources } from './overlay'
import { PLAIN, STRONG, token } from './tokens'
import type { MapInfo } from './types'

const TOLL = ['==', ['get', 'class'], 'motorway'] as ExpressionSpecification
const MAIN = ['match', ['get', 'class'], ['trunk', 'primary'], true, false] as ExpressionSpecification
const SECOND = ['==', ['get', 'class'], 'secondary'] as ExpressionSpecification
const PATH = ['match', ['get', 'class'],
  ['path', 'footway', 'steps', 'cycleway', 'bridleway', 'track', 'pedestrian'], true, false] as ExpressionSpecification

/** Wide roads are drawn last, so that they run through at crossings. */
const ORDER = ['case', TOLL, 4, MAIN, 3, SECOND, 2, ['==', ['get', 'class'], 'tertiary'], 1, 0] as ExpressionSpecification

export function mapStyle(info: MapInfo, tiles: string): StyleSpecification {
  return {
    version: 8,
    sources: {
      land: { type: 'vector', tiles: [tiles], minzoom: 5, maxzoom: info.max_zoom, bounds: info.bounds },
      ...overlaySources(),
    },
    layers: [...landLayers(), ...overlayLayers()],
  }
}

function landLayers(): LayerSpecification[] {
  const land = { source: 'land' } as const
  return [
    { id: 'ground', type: 'background', paint: { 'background-color': token('--map-outside') } },
    {
      id: 'district', type: 'fill', ...land, 'source-layer': 'districts',
      paint: { 'fill-color': token('--map-land'), 'fill-antialias': false },
    },
    {
      id: 'village', type: 'fill', ...land, 'source-layer': 'villages',
      paint: { 'fill-color': token('--map-land'), 'fill-antialias': false },
    },
    {
      id: 'village-edge', type: 'line', ...land, 'source-layer': 'villages', minzoom: 10.5,
      layout: { 'line-join': 'round' },
      paint: {
        'line-color': token('--map-village'),
        'line-width': ['interpolate', ['linear'], ['zoom'], 10.5, 0.4, 14, 1.1],
        'line-dasharray': [3, 2],
      },
    },
    {
      id: 'district-edge', type: 'line', ...land, 'source-layer': 'districts',
      layout: { 'line-join': 'round' },
      paint: {
        'line-color': token('--map-district'),
        'line-width': ['interpolate', ['linear'], ['zoom'], 8, 0.7, 11, 1.2, 15, 2.4],
        'line-dasharray': [6, 2, 1.5, 2],
      },
    },
    ...roadLayers(),
    ...nameLayers(),
  ]
}

function roadWidth(extra: number): ExpressionSpecification {
  const at = (toll: number, main: number, second: number, third: number, rest: number): ExpressionSpecification =>
    ['+', extra, ['case', TOLL, toll, MAIN, main, SECOND, second, ['==', ['get', 'class'], 'tertiary'], third, rest]]
  return ['interpolate', ['exponential', 1.5], ['zoom'],
    8, at(1.4, 1.2, 0.8, 0.4, 0.2),
    11, at(2.6, 2.4, 1.8, 1, 0.5),
    13, at(4, 3.8, 3, 2, 1.1),
    17, at(18, 17, 15, 12, 8)]
}

function roadLayers(): LayerSpecification[] {
  const roads = { source: 'land', 'source-layer': 'roads' } as const
  return [
    {
      id: 'path', type: 'line', ...roads, minzoom: 13, filter: PATH,
      layout: { 'line-join': 'round' },
      paint: { 'line-color': token('--map-road-edge'), 'line-width': 1.2, 'line-dasharray': [2, 1.5] },
    },
    {
      id: 'road-edge', type: 'line', ...roads, filter: ['!', PATH],
      layout: { 'line-cap': 'round', 'line-join': 'round', 'line-sort-key': ORDER },
      paint: {
        'line-color': ['case', TOLL, token('--map-toll-edge'), MAIN, token('--map-road-main-edge'), token('--map-road-edge')],
        'line-width': roadWidth(1.4),
      },
    },
    {
      id: 'road', type: 'line', ...roads, filter: ['!', PATH],
      layout: { 'line-cap': 'round', 'line-join': 'round', 'line-sort-key': ORDER },
      paint: {
        'line-color': ['case',
          TOLL, token('--map-toll'), MAIN, token('--map-road-main'), SECOND, token('--map-road-second'), token('--map-road')],
        'line-width': roadWidth(0),
      },
    },
  ]
}

function nameLayers(): LayerSpecification[] {
  const text = {
    'text-color': token('--map-label'), 'text-halo-color': token('--map-land'), 'text-halo-width': 1.5,
  }
  return [
    {
      id: 'road-name', type: 'symbol', source: 'land', 'source-layer': 'roads', minzoom: 13.5,
      filter: ['has', 'name'],
      layout: {
        'text-font': PLAIN, 'text-size': 11, 'text-field': ['get', 'name'],
        'symbol-placement': 'line', 'symbol-spacing': 350,
      },
      paint: text,
    },
    {
      id: 'village-name', type: 'symbol', source: 'land', 'source-layer': 'village_names', minzoom: 11.7,
      layout: {
        'text-font': PLAIN, 'text-field': ['get', 'name'], 'text-max-width': 7, 'text-padding': 6,
        'text-size': ['interpolate', ['linear'], ['zoom'], 11.7, 10, 15, 13],
      },
      paint: { ...text, 'text-opacity': 0.85 },
    },
    {
      id: 'district-name', type: 'symbol', source: 'land', 'source-layer': 'district_names', maxzoom: 13,
      layout: {
        'text-font': STRONG, 'text-field': ['get', 'name'], 'text-transform': 'uppercase',
        'text-letter-spacing': 0.08, 'text-max-width': 8, 'text-padding': 4,
        'text-size': ['interpolate', ['linear'], ['zoom'], 9, 9.5, 12, 12.5],
      },
      paint: text,
    },
  ]
}
