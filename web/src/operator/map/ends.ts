/** Which way of a case the map draws: to the scene, and once the patient is aboard to the facility. */

import type { IncidentRow, LegView, Point, RunView, UnitView } from '../state/api'
import type { Ends } from '../state/place.svelte'
import { say } from '$shared/texts/say'

const TO_SCENE = new Set(['offered', 'accepted', 'en_route', 'staged'])
const LEG_OPEN = new Set(['planned', 'transporting'])

/** `preview` is a unit that is only looked at: its way comes before those of the runs, which are in order. */
export function wayOf(
  incident: IncidentRow, runs: readonly RunView[], preview: string | undefined, unitOf: (id: string) => UnitView | undefined,
): Ends | undefined {
  const looked = preview === undefined ? undefined : unitOf(preview)
  if (looked !== undefined) return toScene(incident, looked)
  for (const run of runs) {
    const unit = unitOf(run.unit_id)
    if (unit === undefined) continue
    const way = TO_SCENE.has(run.state) ? toScene(incident, unit) : toFacility(incident, run, unit)
    if (way !== undefined) return way
  }
  return undefined
}

function toScene(incident: IncidentRow, unit: UnitView): Ends | undefined {
  if (incident.place === null) return undefined
  return ends(unit, incident, incident.place, `scene ${incident.place.lon} ${incident.place.lat}`, say('lokasi', 'scene'))
}

function toFacility(incident: IncidentRow, run: RunView, unit: UnitView): Ends | undefined {
  const leg: LegView | undefined = run.legs.filter((one) => LEG_OPEN.has(one.state)).at(-1)
  if (run.state !== 'left_scene' || leg?.place == null) return undefined
  // where a unit without a tracker is cannot be seen: it left from the scene
  const from = unit.place_source === 'fix' ? unit : (incident.place ?? unit)
  return ends(unit, incident, leg.place, `facility ${leg.facility_id}`, leg.facility ?? say('faskes', 'facility'), from)
}

function ends(unit: UnitView, incident: IncidentRow, to: Point, target: string, goal: string, from: Point = unit): Ends {
  return {
    key: `${unit.id} ${target}`, from: { lon: from.lon, lat: from.lat }, to, sign: unit.call_sign, goal, whole: unit.place_source !== 'fix',
    pace: incident.speed_factor,
  }
}
