/** What wants somebody now, apart from ringing calls: alarms nobody here has seen, and units on a run that are silent. */

import type { AlarmNote } from '../state/alarms'
import type { Board, UnitView } from '../state/api'
import type { Desk } from '../state/desk.svelte'
import { silentFor } from '../state/units'

// a ringing call is its own alarm already, and so is a crew to be phoned
const OWN = new Set(['call_unanswered', 'crew_call_due'])

export function standingNotes(desk: Desk, board: Board): AlarmNote[] {
  return desk.alarms.holding(board).filter((note) => !OWN.has(note.kind))
}

/** Nobody sees where these are although they are on a run; true until they tell their place again. */
export function lostUnits(desk: Desk, notes: readonly AlarmNote[]): UnitView[] {
  const told = new Set(notes.filter((note) => note.kind === 'signal_lost').map((note) => note.data.unit_id))
  return desk.units.filter((unit) => unit.status === 'busy' && !told.has(unit.id) && silentFor(unit, desk.heardUntil) !== undefined)
}
