/** What the driver's socket says, and the words of its commands. */

import type { ProblemDocument } from '$shared/api/client'
import type { components } from '$shared/api/schema'
import type { Place } from '$shared/map/types'

export type Move = components['schemas']['AssignmentState']
export type Proposal = components['schemas']['ProposalView']
export type Leg = components['schemas']['LegView']

export interface Aboard {
  unit_id: string
  call_sign: string
  shift_id: string
  shift_ends_at: string
  joined_at: string
}

export type OutOfService = components['schemas']['OutOfService']

export interface RunSheet {
  assignment_id: string
  incident_id: string
  incident_number: string
  state: Move
  moves: Move[]
  offered_at: string
  triage: string | null
  place: Place | null
  place_accuracy_m: number | null
  village: string | null
  district: string | null
  place_note: string | null
  caller_name: string | null
  caller_phone: string | null
  patients: number
  predicted_s: number | null
  legs: Leg[]
  speed_factor: number | null
  /** Steps that the positions speak for; without the crew's word none of them has happened. */
  proposals: Proposal[]
}

export type Slip = components['schemas']['CrewSlip']

export interface DriverDesk {
  seq: number
  at: string
  training: boolean
  aboard: Aboard | null
  run: RunSheet | null
  stood_down: string[]
  unavailable: OutOfService | null
  /** Absent in what a phone has kept from before there was any. */
  notices?: Slip[]
}

/** What belongs to a step beside its name. */
export interface StepFields {
  facility_id?: string
  outside_name?: string
  receiver?: string
  room?: string
  code?: string
  reason?: string
  /** The proposal that the crew confirms: the step happened when the positions say. */
  proposal?: number
}

export interface StepResult {
  assignment_id: string
  state: Move
  moves: Move[]
  reported: boolean
}

/** What the crew has said, as it is kept on the phone until the server has answered it. */
interface Kept {
  /** Order of saying; given by the store. */
  n?: number
  who: string
  id: string
  /** The phone's clock when the crew said it. */
  device_at: string
  state: 'waiting' | 'refused' | 'reported'
  problem?: ProblemDocument
}

/** One step of a run. */
export interface KeptStep extends Kept {
  assignment_id: string
  incident_number: string
  to: Move
  fields: StepFields
}

/** Whether the unit can be sent, in the crew's words. */
export type Readiness = { ready: true } | { ready: false; reason: OutOfService['reason']; note?: string; expected_until?: string }

/** The crew's word on its unit. */
export interface KeptReadiness extends Kept {
  unit_id: string
  call_sign: string
  readiness: Readiness
}

export type KeptCommand = KeptStep | KeptReadiness

export function isStep(command: KeptCommand): command is KeptStep {
  return 'assignment_id' in command
}

/** One fix as it is kept on the phone until the server has stored it. */
export interface KeptFix {
  seq?: number
  who: string
  at: string
  lon: number
  lat: number
  accuracy_m?: number
  speed_ms?: number
  heading_deg?: number
  battery?: number
}
