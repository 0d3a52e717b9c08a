/** The MapLibre map itself: made, themed, kept at the present version of its tiles, and ended. */

import {
  AttributionControl, Map as GlMap, NavigationControl, ScaleControl, setWorkerUrl, type GeoJSONSource, type VectorTileSource,
} from 'maplibre-gl'
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url'
import type { FeatureCollection } from 'geojson'
import { speech } from '../texts/language.svelte'
import { drawIcons } from './icons'
import { readMapInfo, tileAddress } from './info'
import { TAPPED, type Overlay } from './overlay'
import { mapStyle } from './style'
import { loadFonts } from './tokens'
import type { Focus, MapInfo, Place } from './types'

// from this server, as the content security policy of the pages demands
setWorkerUrl(workerUrl)

const ASK_VERSION_MS = 10_000
const FINGER_PX = 10
const PLACE_ZOOM = 15
const FLIGHT_MS = 600
/** Of a square tile, in pixels, at zoom 0: the whole world. */
const WORLD_PX = 512
/** What draws where there is no graphics card: Chromium's, Mesa's, and Windows' stand-in. */
const BY_PROCESSOR = /swiftshader|llvmpipe|softpipe|software|basic render/i

export interface GroundOptions {
  container: HTMLElement
  slug: string
  label: string
  /** Two fingers to move the map, so that a page can be scrolled over it. */
  cooperative: boolean
  onAbsent: () => void
  /** `again`: the second of two quick taps on one spot. */
  onTap: (hit: Hit | undefined, place: Place, again: boolean) => void
}

export interface Hit { layer: (typeof TAPPED)[number]; id: string }

export class Ground {
  /** The processor draws for want of a graphics card: every picture of the map takes it about a tenth of a second. */
  readonly byProcessor: boolean
  private askedAt = 0
  private readonly shown = new Map<Overlay, string>()

  private constructor(
    readonly map: GlMap,
    private info: MapInfo,
    private readonly options: GroundOptions,
    private readonly ending: AbortSignal,
  ) {
    this.byProcessor = BY_PROCESSOR.test(renderer(map.getCanvas()))
  }

  /** Resolves when everything is there but the tiles. Rejects without WebGL, and when `ending` is aborted. */
  static async open(options: GroundOptions, ending: AbortSignal): Promise<Ground> {
    const [info] = await Promise.all([readMapInfo(options.slug, ending, options.onAbsent), loadFonts()])
    ending.throwIfAborted()
    const map = new GlMap({
      container: options.container,
      style: mapStyle(info, tileAddress(info)),
      bounds: info.bounds,
      fitBoundsOptions: { padding: 16 },
      minZoom: 6,
      maxZoom: 18.5,
      maxPitch: 0,
      dragRotate: false,
      pitchWithRotate: false,
      rollEnabled: false,
      renderWorldCopies: false,
      attributionControl: false,
      cooperativeGestures: options.cooperative,
      // fading redraws the whole map sixty times a second for as long as units move
      fadeDuration: 0,
      locale: words(),
    })
    map.touchZoomRotate.disableRotation()
    map.keyboard.disableRotation()
    map.addControl(new NavigationControl({ showCompass: false }), 'top-right')
    map.addControl(new ScaleControl({ maxWidth: 90 }), 'bottom-left')
    map.addControl(new AttributionControl({ compact: true, customAttribution: info.attribution.map(escaped) }))
    map.getCanvas().setAttribute('aria-label', options.label)
    const ground = new Ground(map, info, options, ending)
    ground.listen()
    drawIcons(map)
    await new Promise<void>((resolve) => { map.once('style.load', () => resolve()) })
    ending.throwIfAborted()
    return ground
  }

  /** Every change of an overlay draws the whole map: what is there already is not set again. */
  set(overlay: Overlay, data: FeatureCollection): void {
    if (overlay !== 'units') { // these come only when they are to be drawn
      const text = JSON.stringify(data)
      if (this.shown.get(overlay) === text) return
      this.shown.set(overlay, text)
    }
    void this.map.getSource<GeoJSONSource>(overlay)?.setData(data)
  }

  /** Facilities of the tiles, or those that the page has handed in instead. */
  showLandFacilities(shown: boolean): void {
    this.map.setLayoutProperty('land-facility', 'visibility', shown ? 'visible' : 'none')
  }

  /** Degrees of longitude that make one pixel at the present zoom. */
  get pixel(): number {
    return 360 / (WORLD_PX * 2 ** this.map.getZoom())
  }

  look(focus: Focus): void {
    if (!('places' in focus)) {
      const zoom = focus.zoom ?? Math.max(this.map.getZoom(), PLACE_ZOOM)
      this.map.easeTo({ center: [focus.lon, focus.lat], zoom, duration: FLIGHT_MS })
      return
    }
    const [first] = focus.places
    if (first === undefined) return
    const lons = focus.places.map((place) => place.lon)
    const lats = focus.places.map((place) => place.lat)
    this.map.fitBounds(
      [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)],
      { padding: 56, maxZoom: PLACE_ZOOM, duration: FLIGHT_MS },
    )
  }

  /** Draw everything anew in the colours of the present theme; data, place and zoom stay. */
  restyle(): void {
    drawIcons(this.map)
    for (const layer of mapStyle(this.info, tileAddress(this.info)).layers) {
      for (const [name, value] of Object.entries(layer.paint ?? {})) {
        this.map.setPaintProperty(layer.id, name as 'line-color', value)
      }
    }
  }

  close(): void {
    this.map.remove()
  }

  private listen(): void {
    const { map } = this
    map.on('click', (event) => {
      const place = { lon: event.lngLat.lng, lat: event.lngLat.lat }
      this.options.onTap(this.hit(event.point.x, event.point.y), place, event.originalEvent.detail > 1)
    })
    map.on('mousemove', (event) => {
      if (map.isMoving()) return
      map.getCanvas().style.cursor = this.hit(event.point.x, event.point.y) === undefined ? '' : 'pointer'
    })
    map.on('error', (event) => {
      const { status } = event.error as { status?: number }
      if (status === 404) void this.renew()
      // tiles that do not come are asked for again when the map moves; anything else is a fault of ours
      else if (status === undefined && !(event.error instanceof TypeError)) console.error(event.error)
    })
  }

  /** What lies under a finger, the most important first. */
  private hit(x: number, y: number): Hit | undefined {
    if (this.map.getLayer(TAPPED[0]) === undefined) return undefined
    const found = this.map.queryRenderedFeatures(
      [[x - FINGER_PX, y - FINGER_PX], [x + FINGER_PX, y + FINGER_PX]], { layers: [...TAPPED] },
    )
    for (const layer of TAPPED) {
      const id: unknown = found.find((one) => one.layer.id === layer)?.properties.id
      if (typeof id === 'string') return { layer, id }
    }
    return undefined
  }

  /** A tile is gone when the regency's folder was loaded anew: go on with the present version. */
  private async renew(): Promise<void> {
    const now = performance.now()
    if (now - this.askedAt < ASK_VERSION_MS) return
    this.askedAt = now
    const info = await readMapInfo(this.options.slug, this.ending, () => undefined).catch(() => undefined)
    if (info === undefined || this.ending.aborted || info.version === this.info.version) return
    this.info = info
    this.map.getSource<VectorTileSource>('land')?.setTiles([tileAddress(info)])
  }
}

function renderer(canvas: HTMLCanvasElement): string {
  const gl = canvas.getContext('webgl2')
  const more = gl?.getExtension('WEBGL_debug_renderer_info')
  return String(gl?.getParameter(more?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER))
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)
}

function words(): Record<string, string> {
  const say = speech.say.bind(speech)
  return {
    'AttributionControl.ToggleAttribution': say({ id: 'Sumber peta', en: 'Sources of the map' }),
    'CooperativeGesturesHandler.WindowsHelpText': say({ id: 'Ctrl + gulir untuk memperbesar', en: 'Ctrl + scroll to zoom' }),
    'CooperativeGesturesHandler.MacHelpText': say({ id: '⌘ + gulir untuk memperbesar', en: '⌘ + scroll to zoom' }),
    'CooperativeGesturesHandler.MobileHelpText': say({ id: 'Geser dengan dua jari', en: 'Use two fingers to move' }),
    'Map.Title': say({ id: 'Peta', en: 'Map' }),
    'NavigationControl.ZoomIn': say({ id: 'Perbesar', en: 'Zoom in' }),
    'NavigationControl.ZoomOut': say({ id: 'Perkecil', en: 'Zoom out' }),
  }
}
