/** Which step an operator may record for a run, and which of them comes next as a rule. */

import type { OperatorStep, RunView } from '../state/api'

export type Move = OperatorStep['to']

const NEXT: Record<string, Move> = {
  offered: 'accepted',
  accepted: 'en_route',
  en_route: 'on_scene',
  staged: 'on_scene',
  on_scene: 'at_patient',
  at_patient: 'left_scene',
  left_scene: 'at_facility',
  at_facility: 'handed_over',
  handed_over: 'cleared',
}
/** These are made otherwise: by standing down, by a timer, by sending elsewhere. */
const NOT_STEPS = new Set(['stood_down', 'timed_out', 'diverted', 'offered'])
const LEG_OPEN = new Set(['planned', 'transporting', 'at_facility'])

export function stepsOf(run: RunView): Move[] {
  return run.moves.filter((move) => !NOT_STEPS.has(move)) as Move[]
}

export function nextOf(run: RunView): Move | undefined {
  const next = NEXT[run.state]
  return next !== undefined && run.moves.includes(next) ? next : undefined
}

export function canStandDown(run: RunView): boolean {
  return run.moves.includes('stood_down')
}

/** A step towards or at a facility needs one when the run has no leg under way. */
export function needsDestination(run: RunView, to: Move): boolean {
  if (to === 'left_scene') return true
  if (to !== 'at_facility' && to !== 'handed_over') return false
  return !run.legs.some((leg) => LEG_OPEN.has(leg.state))
}

/** Whether the step can be recorded with one touch. */
export function isPlain(run: RunView, to: Move): boolean {
  return !['handed_over', 'completed_without_transport', 'declined'].includes(to) && !needsDestination(run, to)
}
