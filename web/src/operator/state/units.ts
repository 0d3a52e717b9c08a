/** Units as the desk shows them: the board's word, overtaken by newer fixes, and judged by their age of now. */

import type { PositionQuality } from '$shared/map/types'
import type { UnitView } from './api'

/** One unit of a `positions` frame. */
export interface Fix {
  id: string
  lon: number
  lat: number
  age_s: number
  speed_ms: number | null
  heading_deg: number | null
}

interface KeptFix extends Fix { fixedAt: number }

interface Laid { under: UnitView; fix: KeptFix; unit: UnitView }

const OLD_ON_RUN_S = 90
const OLD_IDLE_S = 300
/** Farther ahead of the server's word no fix lies, unless its clock has been set back: two servers agree better, a board comes sooner. */
const AHEAD_MS = 15_000

/** The newest fix of each unit that came over the socket. */
export class Fixes {
  private readonly newest = new Map<string, KeptFix>()
  /** What came out last: a unit of which nothing new is known stays the same object, and is not drawn again. */
  private readonly laid = new Map<string, Laid>()

  take(at: string, fixes: readonly Fix[]): void {
    const sent = Date.parse(at)
    this.told(at)
    for (const fix of fixes) {
      const fixedAt = sent - fix.age_s * 1000
      const known = this.newest.get(fix.id)
      if (known === undefined || fixedAt >= known.fixedAt) this.newest.set(fix.id, { ...fix, fixedAt })
    }
  }

  /** It is `at` by the server's clock. What was dated by one that was ahead would outshine all that is true until that time has come. */
  told(at: string): void {
    const latest = Date.parse(at) + AHEAD_MS
    for (const [id, known] of this.newest) if (known.fixedAt > latest) this.newest.delete(id)
  }

  /** The units with what is newer than the board's word. A place that is no fix is the server's own judgement. */
  over(units: readonly UnitView[], now = Date.now()): UnitView[] {
    return units.map((unit) => {
      const fix = this.newest.get(unit.id)
      if (fix === undefined) return unit
      const last = this.laid.get(unit.id)
      if (last?.under === unit && last.fix === fix) return last.unit
      const since = unit.place_source === 'fix' && unit.fixed_at !== null ? Date.parse(unit.fixed_at) : -Infinity
      if (fix.fixedAt <= since) return unit
      // without an app its fixes are those of a tracker that is built in: an old one is no news to the board
      if (unit.tracking !== 'app' && unit.place_source !== 'fix' && now - fix.fixedAt > OLD_ON_RUN_S * 1000) return unit
      const laid: UnitView = {
        ...unit, lon: fix.lon, lat: fix.lat, speed_ms: fix.speed_ms, heading_deg: fix.heading_deg,
        place_source: 'fix', fixed_at: new Date(fix.fixedAt).toISOString(),
      }
      this.laid.set(unit.id, { under: unit, fix, unit: laid })
      return laid
    })
  }
}

/** Seconds since the unit's fix; undefined for a place that is assumed. */
export function fixAge(unit: UnitView, now: number): number | undefined {
  if (unit.place_source !== 'fix' || unit.fixed_at === null) return undefined
  return Math.max(0, (now - Date.parse(unit.fixed_at)) / 1000)
}

/** Three times the interval in which a phone tells its place: 5 s on a run, 60 s idle. */
const SILENT_ON_RUN_S = 15
const SILENT_IDLE_S = 180

/** Seconds for which a unit that should be telling its place has not; undefined for all others. */
export function silentFor(unit: UnitView, now: number): number | undefined {
  if (unit.tracking !== 'app' || unit.status === 'off_shift' || unit.fixed_at === null) return undefined
  const age = Math.max(0, (now - Date.parse(unit.fixed_at)) / 1000)
  return age > (unit.assignment_id === null ? SILENT_IDLE_S : SILENT_ON_RUN_S) ? age : undefined
}

/** How far the place can be trusted at this moment, by the same limits as the server's. */
export function qualityNow(unit: UnitView, now: number): PositionQuality {
  const age = fixAge(unit, now)
  if (age === undefined) return 'assumed'
  return age > (unit.assignment_id === null ? OLD_IDLE_S : OLD_ON_RUN_S) ? 'old' : 'live'
}

/**
 * As `qualityNow`; but what a unit told before it fell silent is live no more, nor is anything once this desk has been cut off
 * for a while. `heard`: up to when the desk was told what there was to tell, and a silence is the unit's own.
 */
export function shownQuality(unit: UnitView, now: number, heard: number): PositionQuality {
  const quality = qualityNow(unit, now)
  const unheard = now - heard > SILENT_ON_RUN_S * 1000
  return quality === 'live' && (unheard || silentFor(unit, heard) !== undefined) ? 'old' : quality
}
