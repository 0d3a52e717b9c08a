/** The order of a run as the page needs it: the usual next step, what a step asks for, and what follows without signal. */

import type { KeptStep, Move, Proposal, RunSheet } from './frames'

const PROGRESS: Move[] = [
  'offered', 'accepted', 'en_route', 'staged', 'on_scene', 'at_patient', 'left_scene', 'at_facility', 'handed_over', 'cleared',
]
const USUAL: Partial<Record<Move, Move>> = {
  offered: 'accepted', accepted: 'en_route', en_route: 'on_scene', staged: 'on_scene', on_scene: 'at_patient',
  at_patient: 'left_scene', left_scene: 'at_facility', at_facility: 'handed_over', handed_over: 'cleared',
}
const LEG_OPEN = new Set(['planned', 'transporting', 'at_facility'])
export const TO_SCENE = new Set<Move>(['offered', 'accepted', 'en_route', 'staged'])

export function usualNext(state: Move, moves: readonly Move[]): Move | undefined {
  const next = USUAL[state]
  return next !== undefined && moves.includes(next) ? next : undefined
}

/** The moves of a crew from a state, for the time in which the server cannot say them. */
export function movesFrom(state: Move): Move[] {
  const at = PROGRESS.indexOf(state)
  if (at < 0 || state === 'cleared') return []
  if (state === 'handed_over') return ['cleared']
  const carrying = at >= PROGRESS.indexOf('left_scene')
  const forward = PROGRESS.slice(at + 1, PROGRESS.indexOf(carrying ? 'handed_over' : 'at_facility') + 1)
  if (state === 'offered') return [...forward, 'declined']
  if (state === 'at_facility') return [...forward, 'left_scene']
  if (at >= PROGRESS.indexOf('on_scene') && !carrying) return [...forward, 'completed_without_transport']
  return forward
}

/** The run as the crew sees it: the server's, with the steps that still wait laid over it. */
export function ahead(run: RunSheet, steps: readonly KeptStep[]): RunSheet {
  const last = steps.filter((step) => step.state === 'waiting' && step.assignment_id === run.assignment_id).at(-1)
  return last === undefined ? run : { ...run, state: last.to, moves: movesFrom(last.to) }
}

/** The proposals that still await the crew: what it has said meanwhile, or without signal, is not asked again. */
export function awaiting(run: RunSheet): Proposal[] {
  return (run.proposals ?? []).filter((proposal) => run.moves.includes(proposal.to))
}

/** Whether a step needs a destination: leaving does, and arriving when nobody has said whereto. */
export function needsDestination(run: RunSheet, to: Move, steps: readonly KeptStep[]): boolean {
  if (to === 'left_scene') return true
  if (to !== 'at_facility') return false
  const said = steps.some((step) => step.assignment_id === run.assignment_id && (step.fields.facility_id ?? step.fields.outside_name))
  return !said && !run.legs.some((leg) => LEG_OPEN.has(leg.state))
}

/** Where the crew is carrying the patient, as far as it has been said. */
export function destinationOf(run: RunSheet, steps: readonly KeptStep[]): { facilityId?: string; name?: string } | undefined {
  const told = steps.filter((step) => step.assignment_id === run.assignment_id && (step.fields.facility_id ?? step.fields.outside_name)).at(-1)
  if (told !== undefined) {
    const { facility_id: facilityId, outside_name: name } = told.fields
    return { ...(facilityId === undefined ? {} : { facilityId }), ...(name === undefined ? {} : { name }) }
  }
  const leg = run.legs.filter((one) => LEG_OPEN.has(one.state)).at(-1)
  if (leg === undefined) return undefined
  return { ...(leg.facility_id === null ? {} : { facilityId: leg.facility_id }), ...(leg.facility === null ? {} : { name: leg.facility }) }
}
