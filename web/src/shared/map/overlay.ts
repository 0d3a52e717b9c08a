/** What lies on the ground: facilities, the route, roads that are closed, cases, units and one's own place. */

import type { ExpressionSpecification, LayerSpecification, SourceSpecification } from 'maplibre-gl'
import type { Feature, FeatureCollection, Geometry } from 'geojson'
import { changeLayers } from './roads'
import { PLAIN, STRONG, token } from './tokens'
import type { MapCase, MapFacility, MapUnit, Me, Place } from './types'

/** Layers that answer to a tap, the most important first. */
export const TAPPED = ['case', 'unit', 'change-sign', 'facility', 'land-facility'] as const
export const OVERLAYS = ['accuracy', 'route', 'changes', 'drawing', 'facilities', 'cases', 'units', 'me'] as const
export type Overlay = (typeof OVERLAYS)[number]

/** Fewer degrees than this nobody sees on an arrow of this size. */
const TURN_DEG = 8

export const NONE: FeatureCollection = { type: 'FeatureCollection', features: [] }

export function overlaySources(): Record<Overlay, SourceSpecification> {
  const empty = { type: 'geojson', data: NONE } as const
  return { accuracy: empty, route: empty, changes: empty, drawing: empty, facilities: empty, cases: empty, units: empty, me: empty }
}

export function overlayLayers(): LayerSpecification[] {
  return [...routeLayers(), ...changeLayers(), ...facilityLayers(), ...unitLayers(), ...caseLayers(), meLayer()]
}

// --- data -------------------------------------------------------------------------------------------------------

function collection(features: Feature[]): FeatureCollection {
  return { type: 'FeatureCollection', features }
}

function feature(geometry: Geometry, properties: Record<string, unknown> = {}): Feature {
  return { type: 'Feature', geometry, properties }
}

function point({ lon, lat }: Place, properties: Record<string, unknown>): Feature {
  return feature({ type: 'Point', coordinates: [lon, lat] }, properties)
}

function headingOf(unit: MapUnit): number | undefined {
  return unit.quality === 'live' && typeof unit.heading === 'number' ? unit.heading : undefined
}

/** Whether two states of a unit are drawn alike, wherever they are. An arrow that turns a little is no news. */
export function sameLook(one: MapUnit, other: MapUnit): boolean {
  if (one.status !== other.status || one.quality !== other.quality || unitLabel(one) !== unitLabel(other)) return false
  const [from, to] = [headingOf(one), headingOf(other)]
  if (from === undefined || to === undefined) return from === to
  const turned = Math.abs(from - to) % 360
  return Math.min(turned, 360 - turned) < TURN_DEG
}

export function unitData(placed: { unit: MapUnit; place: Place }[], selected: readonly string[]): FeatureCollection {
  return collection(placed.map(({ unit, place }) => {
    const heading = headingOf(unit)
    return point(place, {
      id: unit.id, status: unit.status, quality: unit.quality, label: unitLabel(unit),
      selected: selected.includes(unit.id), ...(heading === undefined ? {} : { heading }),
    })
  }))
}

/** The call sign; with an old position its age, as `A07 · 7′` or `A07 · 2 h`. */
export function unitLabel(unit: MapUnit): string {
  if (unit.quality !== 'old' || typeof unit.ageS !== 'number') return unit.callSign
  const minutes = Math.round(unit.ageS / 60)
  return `${unit.callSign} · ${minutes < 60 ? `${minutes}′` : `${Math.floor(minutes / 60)} h`}`
}

export function caseData(cases: readonly MapCase[], selected: readonly string[]): FeatureCollection {
  return collection(cases.map((one) => point(one, {
    id: one.id, label: one.number, selected: selected.includes(one.id),
    icon: `case-${one.triage}${one.state === 'reported' ? '-new' : ''}`,
    order: ['black', 'green', 'unjudged', 'yellow', 'red'].indexOf(one.triage),
  })))
}

export function facilityData(facilities: readonly MapFacility[], selected: readonly string[]): FeatureCollection {
  return collection(facilities.map((one) => point(one, {
    id: one.id, name: one.name, kind: one.kind, approximate: one.approximate ?? false,
    selected: selected.includes(one.id),
  })))
}

export function routeData(route: readonly (readonly [number, number])[] | undefined): FeatureCollection {
  if (route === undefined || route.length < 2) return NONE
  return collection([feature({ type: 'LineString', coordinates: route.map(([lon, lat]) => [lon, lat]) })])
}

export function meData(me: Me | undefined): FeatureCollection {
  return me === undefined ? NONE : collection([point(me, {})])
}

/** The circle within which one is, as far as the phone knows. */
export function accuracyData(me: Me | undefined): FeatureCollection {
  if (me === undefined || typeof me.accuracyM !== 'number' || me.accuracyM < 15) return NONE
  const ring: [number, number][] = []
  const metresPerDegree = 111_195
  for (let step = 0; step <= 48; step += 1) {
    const angle = (step / 48) * 2 * Math.PI
    const north = (me.accuracyM * Math.cos(angle)) / metresPerDegree
    const east = (me.accuracyM * Math.sin(angle)) / (metresPerDegree * Math.cos((me.lat * Math.PI) / 180))
    ring.push([me.lon + east, me.lat + north])
  }
  return collection([feature({ type: 'Polygon', coordinates: [ring] })])
}

// --- layers -----------------------------------------------------------------------------------------------------

const CHOSEN = ['boolean', ['get', 'selected'], false] as ExpressionSpecification

function words() {
  return { 'text-color': token('--ink'), 'text-halo-color': token('--surface'), 'text-halo-width': 1.8 }
}

function routeLayers(): LayerSpecification[] {
  const layout = { 'line-cap': 'round', 'line-join': 'round' } as const
  const width = (base: number): ExpressionSpecification =>
    ['interpolate', ['linear'], ['zoom'], 9, base * 0.7, 15, base * 1.6]
  return [
    {
      id: 'accuracy', type: 'fill', source: 'accuracy',
      paint: { 'fill-color': token('--accent'), 'fill-opacity': 0.14 },
    },
    { id: 'route-edge', type: 'line', source: 'route', layout, paint: { 'line-color': token('--surface'), 'line-width': width(8) } },
    { id: 'route', type: 'line', source: 'route', layout, paint: { 'line-color': token('--accent'), 'line-width': width(4.5) } },
  ]
}

function facilityLayers(): LayerSpecification[] {
  const layer = (id: string, source: { source: string; 'source-layer'?: string }): LayerSpecification => ({
    id, type: 'symbol', ...source, minzoom: 9,
    filter: ['any', ['==', ['get', 'kind'], 'hospital'], ['>=', ['zoom'], 10.5], CHOSEN],
    layout: {
      'icon-image': ['concat', 'facility-', ['get', 'kind']],
      'icon-allow-overlap': true,
      'icon-size': ['case', CHOSEN, 1.35, 1],
      'symbol-sort-key': ['match', ['get', 'kind'], 'hospital', 0, 1],
      'text-field': ['step', ['zoom'],
        ['case', ['any', CHOSEN, ['==', ['get', 'kind'], 'hospital']], ['get', 'name'], ''], 12.8, ['get', 'name']],
      'text-font': PLAIN,
      'text-size': 11.5,
      'text-anchor': 'top',
      'text-offset': [0, 0.95],
      'text-max-width': 9,
      'text-optional': true,
    },
    paint: {
      ...words(),
      'text-color': token('--map-facility'),
      // where it stands is not certain: it must not look as if it were
      'icon-opacity': ['case', ['boolean', ['get', 'approximate'], false], 0.6, 1],
    },
  })
  return [layer('land-facility', { source: 'land', 'source-layer': 'facilities' }), layer('facility', { source: 'facilities' })]
}

function unitLayers(): LayerSpecification[] {
  const units = { source: 'units' } as const
  const busyOnTop = ['match', ['get', 'status'], 'busy', 3, 'available', 2, 'unavailable', 1, 0] as ExpressionSpecification
  const size = ['interpolate', ['linear'], ['zoom'], 8, 0.5, 11, 0.75, 14, 1] as ExpressionSpecification
  return [
    {
      id: 'unit-chosen', type: 'circle', ...units, filter: CHOSEN,
      paint: {
        'circle-radius': 19, 'circle-color': token('--accent'), 'circle-opacity': 0.22,
        'circle-stroke-color': token('--accent'), 'circle-stroke-width': 2,
      },
    },
    {
      id: 'unit-heading', type: 'symbol', ...units, filter: ['has', 'heading'],
      layout: {
        'icon-image': ['concat', 'arrow-', ['get', 'status']], 'icon-size': size,
        'icon-rotate': ['get', 'heading'], 'icon-rotation-alignment': 'map',
        'icon-allow-overlap': true, 'icon-ignore-placement': true,
      },
    },
    {
      id: 'unit', type: 'symbol', ...units,
      layout: {
        'icon-image': ['concat', 'unit-', ['get', 'status'], '-', ['get', 'quality']], 'icon-size': size,
        'icon-allow-overlap': true, 'icon-ignore-placement': true, 'symbol-sort-key': busyOnTop,
      },
    },
    {
      id: 'unit-label', type: 'symbol', ...units,
      layout: {
        'text-field': ['step', ['zoom'], ['case', CHOSEN, ['get', 'label'], ''], 12, ['get', 'label']],
        'text-font': STRONG, 'text-size': 12, 'text-variable-anchor': ['top', 'bottom', 'left', 'right'],
        'text-radial-offset': 1.25, 'symbol-sort-key': ['-', busyOnTop],
      },
      paint: words(),
    },
  ]
}

function caseLayers(): LayerSpecification[] {
  const cases = { source: 'cases' } as const
  return [
    {
      id: 'case-chosen', type: 'circle', ...cases, filter: CHOSEN,
      paint: {
        'circle-radius': 22, 'circle-translate': [0, -20], 'circle-color': token('--red'), 'circle-opacity': 0.16,
        'circle-stroke-color': token('--red'), 'circle-stroke-width': 2,
      },
    },
    {
      id: 'case', type: 'symbol', ...cases,
      layout: {
        'icon-image': ['get', 'icon'], 'icon-anchor': 'bottom', 'icon-allow-overlap': true,
        'symbol-sort-key': ['get', 'order'],
        'text-field': ['step', ['zoom'], ['case', CHOSEN, ['get', 'label'], ''], 13, ['get', 'label']],
        'text-font': STRONG, 'text-size': 12, 'text-anchor': 'bottom', 'text-offset': [0, -3.1], 'text-max-width': 30,
        'text-optional': true,
      },
      paint: words(),
    },
  ]
}

function meLayer(): LayerSpecification {
  return {
    id: 'me', type: 'symbol', source: 'me',
    layout: { 'icon-image': 'me', 'icon-allow-overlap': true, 'icon-ignore-placement': true },
  }
}
