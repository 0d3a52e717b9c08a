/** What pages hand to the map and get back from it. Places are WGS84 degrees. */

export interface Place { lon: number; lat: number }

export type UnitStatus = 'available' | 'busy' | 'unavailable' | 'off_shift'
export type PositionQuality = 'live' | 'old' | 'assumed'
export type Triage = 'red' | 'yellow' | 'green' | 'black' | 'unjudged'

export interface MapUnit extends Place {
  id: string
  callSign: string
  status: UnitStatus
  /** `assumed` is drawn hollow, `old` faded with an exclamation mark. */
  quality: PositionQuality
  /** Degrees clockwise from north; an arrow is drawn when it is known. */
  heading?: number | null | undefined
  /** Seconds since the fix; shown beside the call sign when the position is old. */
  ageS?: number | null | undefined
}

export interface MapCase extends Place {
  id: string
  number: string
  triage: Triage
  /** A case in state `reported` is drawn with a ring: nobody has confirmed it yet. */
  state: string
}

export interface MapFacility extends Place {
  id: string
  name: string
  kind: 'hospital' | 'puskesmas' | 'clinic'
  approximate?: boolean | undefined
}

/** A road that is closed or slow; `lines` are the stretches it hits, `area` the border of a drawn area. */
export interface MapRoadChange {
  id: string
  effect: 'close' | 'slow'
  /** `draft` is one that is not decided on yet. */
  state: 'active' | 'planned' | 'draft'
  lines: readonly (readonly (readonly [number, number])[])[]
  area?: readonly (readonly [number, number])[] | undefined
}

/** What somebody is drawing: the points set so far. */
export interface MapDrawing { kind: 'point' | 'line' | 'area'; points: readonly Place[] }

export interface Me extends Place { accuracyM?: number | null | undefined }

/** Where the map shall look: at a place, or at all of several places. A new object moves the map again. */
export type Focus = (Place & { zoom?: number | undefined }) | { places: Place[] }

/** The answer of `GET /api/v1/map/{slug}`. */
export interface MapInfo {
  slug: string
  name: string
  training: boolean
  version: string
  tiles: string
  max_zoom: number
  bounds: [number, number, number, number]
  center: Place
  attribution: string[]
}
