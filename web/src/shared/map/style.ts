/** The map's style, built from the design tokens so that light and night are one map. */

import type { StyleSpecification } from 'maplibre-gl'

function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim()
}

const MAIN = ['motorway', 'trunk', 'primary', 'secondary']

export function mapStyle(tiles: string): StyleSpecification {
  const label = { 'text-font': ['Inter Variable'], 'text-size': 12 } as const
  return {
    version: 8,
    sources: { land: { type: 'vector', tiles: [tiles], minzoom: 7, maxzoom: 14 } },
    layers: [
      { id: 'ground', type: 'background', paint: { 'background-color': token('--ground') } },
      {
        id: 'village', type: 'fill', source: 'land', 'source-layer': 'villages',
        paint: { 'fill-color': token('--map-land') },
      },
      {
        id: 'village-edge', type: 'line', source: 'land', 'source-layer': 'villages', minzoom: 10,
        paint: { 'line-color': token('--map-village'), 'line-width': 0.8 },
      },
      {
        id: 'district-edge', type: 'line', source: 'land', 'source-layer': 'districts',
        paint: { 'line-color': token('--map-district'), 'line-width': 1.4, 'line-dasharray': [4, 2] },
      },
      {
        id: 'road-edge', type: 'line', source: 'land', 'source-layer': 'roads',
        layout: { 'line-cap': 'round', 'line-join': 'round' },
        paint: {
          'line-color': token('--map-road-edge'),
          'line-width': ['interpolate', ['exponential', 1.6], ['zoom'], 9, 1, 13, 3.4, 17, 15],
        },
      },
      {
        id: 'road', type: 'line', source: 'land', 'source-layer': 'roads',
        layout: { 'line-cap': 'round', 'line-join': 'round' },
        paint: {
          'line-color': ['match', ['get', 'class'], MAIN, token('--map-road-main'), token('--map-road')],
          'line-width': ['interpolate', ['exponential', 1.6], ['zoom'], 9, 0.5, 13, 2.2, 17, 12],
        },
      },
      {
        id: 'road-name', type: 'symbol', source: 'land', 'source-layer': 'roads', minzoom: 14,
        filter: ['has', 'name'],
        layout: { ...label, 'text-field': ['get', 'name'], 'symbol-placement': 'line' },
        paint: paint(),
      },
      {
        id: 'village-name', type: 'symbol', source: 'land', 'source-layer': 'village_names', minzoom: 11.5,
        layout: { ...label, 'text-size': 11, 'text-field': ['get', 'name'] },
        paint: paint(),
      },
      {
        id: 'district-name', type: 'symbol', source: 'land', 'source-layer': 'district_names', maxzoom: 12,
        layout: { ...label, 'text-size': 13, 'text-field': ['get', 'name'], 'text-transform': 'uppercase', 'text-letter-spacing': 0.06 },
        paint: paint(),
      },
    ],
  }
}

function paint() {
  return {
    'text-color': token('--map-label'),
    'text-halo-color': token('--map-land'),
    'text-halo-width': 1.4,
  }
}
