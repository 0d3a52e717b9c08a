/** The clocks of a case: since the call, and towards the promise of ten minutes to the patient. */

import type { IncidentRow, RunView, StampView } from './api'

export const PROMISE_S = 600

export interface Promise10 {
  /** `running` before the end, `late` past it, `kept` and `missed` once somebody is with the patient. */
  state: 'running' | 'late' | 'kept' | 'missed'
  /** Seconds left, over, or taken from the call to the patient. */
  seconds: number
}

function earliest(stamps: readonly StampView[], name: string): number | undefined {
  const times = stamps.filter((s) => s.name === name).map((s) => Date.parse(s.occurred_at))
  return times.length > 0 ? Math.min(...times) : undefined
}

/** The first contact in ms; the time of the report where the stamp is missing. */
export function calledAt(incident: IncidentRow): number {
  return earliest(incident.stamps, 'called_at') ?? Date.parse(incident.reported_at)
}

export function atPatientAt(incident: IncidentRow): number | undefined {
  return earliest(incident.runs.flatMap((run) => run.stamps), 'at_patient_at')
}

export function promiseOf(incident: IncidentRow, now: number): Promise10 {
  const called = calledAt(incident)
  const reached = atPatientAt(incident)
  if (reached !== undefined) {
    const taken = (reached - called) / 1000
    return { state: taken <= PROMISE_S ? 'kept' : 'missed', seconds: taken }
  }
  const left = PROMISE_S - (now - called) / 1000
  return left >= 0 ? { state: 'running', seconds: left } : { state: 'late', seconds: -left }
}

export function openRuns(incident: IncidentRow): RunView[] {
  return incident.runs.filter((run) => run.released_at === null)
}

/** Somebody has to send: the case is open and no unit is on a run for it. */
export function needsUnit(incident: IncidentRow): boolean {
  return isOpen(incident) && openRuns(incident).length === 0 && !served(incident)
}

/** Some unit has ended its run as it should: the case waits for its closing, not for a unit. */
export function served(incident: IncidentRow): boolean {
  return incident.waiting_since === null
    && incident.runs.some((run) => run.state === 'cleared' || run.state === 'completed_without_transport')
}

export function isOpen(incident: IncidentRow): boolean {
  return incident.state === 'reported' || incident.state === 'confirmed'
}

/** When the unit of a run should be at the scene, in ms; undefined before it has left and once it is there.
 *  `pace` is how many times faster than life a training case runs: the moment is a real one all the same. */
export function expectedAt(run: RunView, pace = 1): number | undefined {
  const left = earliest(run.stamps, 'en_route_at')
  if (run.state !== 'en_route' || left === undefined || run.predicted_s === null) return undefined
  return left + (run.predicted_s * 1000) / pace
}

/** Whether the unit has been asked but does not drive yet: its minutes have not begun. */
export function stillStanding(run: RunView): boolean {
  return run.state === 'offered' || run.state === 'accepted'
}
