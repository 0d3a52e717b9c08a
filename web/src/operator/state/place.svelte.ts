/** What the desk has before it: a call or an incident, kept in the address so that a reload comes back to it; and a unit. */

import type { Focus } from '$shared/map/types'
import type { PlaceFound, Point } from './api'

export type Selected =
  | { kind: 'call' | 'incident' | 'replay'; id: string }
  | { kind: 'entry' | 'roads' | 'paper' | 'past' }
  | undefined

/** A way to be drawn. `key` tells one way from another: a unit that moves on stays on the same one. */
export interface Ends {
  key: string
  from: Point
  to: Point
  /** Whose way it is, and whereto, in words. */
  sign: string
  goal: string
  /** Where the unit is cannot be seen: what is drawn is the whole way, not what is left of it. */
  whole: boolean
  /** How many times faster than life the case runs. */
  pace: number | null
}

/** Which of the columns a narrow screen shows. */
export type Column = 'queue' | 'detail' | 'map' | 'units'

const BARE = ['entry', 'roads', 'paper', 'past'] as const
const FORM = /^#(call|incident|replay)=([0-9a-f-]{36})$/

function fromAddress(): Selected {
  const bare = BARE.find((kind) => location.hash === `#${kind}`)
  if (bare !== undefined) return { kind: bare }
  const found = FORM.exec(location.hash)
  return found ? { kind: found[1] as 'call' | 'incident' | 'replay', id: String(found[2]) } : undefined
}

export class DeskPlace {
  selected = $state.raw<Selected>(fromAddress())
  /** The unit that is looked at; the case stays in hand meanwhile. */
  unit = $state<string | undefined>(undefined)
  column = $state<Column>(this.selected === undefined ? 'queue' : 'detail')
  /** Where the map is to look; a new object moves it again. */
  focus = $state.raw<Focus | undefined>(undefined)

  /** From where to where the map is to draw the way; set by the case in hand. */
  way = $state.raw<Ends | undefined>(undefined)
  /** Who can use a place that was found on the map: the form of the case in hand that asks for one. */
  taker = $state.raw<{ what: string; take: (place: PlaceFound) => void } | undefined>(undefined)
  private asking: Column | undefined
  /** What was in hand before the roads were opened. */
  before = $state.raw<Selected>(undefined)
  /** The replay was opened from the list of past cases. */
  private fromList = false

  constructor() {
    addEventListener('hashchange', this.follow)
  }

  close(): void {
    removeEventListener('hashchange', this.follow)
  }

  select(selected: Selected): void {
    this.selected = selected
    this.column = selected === undefined ? 'queue' : 'detail'
    const hash = selected === undefined ? '' : !('id' in selected) ? `#${selected.kind}` : `#${selected.kind}=${selected.id}`
    if (location.hash !== hash) history.pushState(null, '', hash === '' ? location.pathname : hash)
  }

  /** Look back at a case; `leaveReplay` returns to where that was asked for. */
  replay(id: string): void {
    this.fromList = this.selected?.kind === 'past'
    this.select({ kind: 'replay', id })
  }

  leaveReplay(id: string): void {
    this.select(this.fromList ? { kind: 'past' } : { kind: 'incident', id })
  }

  openRoads(): void {
    if (this.selected?.kind !== 'roads') this.before = this.selected
    this.select({ kind: 'roads' })
  }

  /** Back to the case that was in hand. */
  leaveRoads(): void {
    this.select(this.before)
    this.before = undefined
  }

  selectUnit(id: string | undefined): void {
    this.unit = id
    if (id !== undefined) this.column = 'units'
  }

  is(kind: string, id: string): boolean {
    return this.selected?.kind === kind && 'id' in this.selected && this.selected.id === id
  }

  look(place: { lon: number; lat: number } | null | undefined, zoom = 13): void {
    if (place) this.focus = { lon: place.lon, lat: place.lat, zoom }
  }

  /** Look at several places at once. */
  frame(places: readonly Point[]): void {
    this.focus = { places: places.map(({ lon, lat }) => ({ lon, lat })) }
  }

  /** A form asks for a place: narrow screens show the map, and come back with `back`. */
  toMap(): void {
    this.asking ??= this.column
    this.column = 'map'
  }

  back(): void {
    if (this.asking !== undefined) this.column = this.asking
    this.asking = undefined
  }

  private readonly follow = (): void => {
    this.selected = fromAddress()
  }
}
