/** What the driver's socket says, and the words of its commands. */

import type { ProblemDocument } from '$shared/api/client'
import type { components } from '$shared/api/schema'
import type { Place } from '$shared/map/types'

export type Move = components['schemas']['AssignmentState']
export type Leg = components['schemas']['LegView']

export interface Aboard {
  unit_id: string
  call_sign: string
  shift_id: string
  shift_ends_at: string
  joined_at: string
}

export interface RunSheet {
  assignment_id: string
  incident_id: string
  incident_number: string
  state: Move
  moves: Move[]
  offered_at: string
  triage: string | null
  place: Place | null
  village: string | null
  district: string | null
  place_note: string | null
  caller_name: string | null
  caller_phone: string | null
  patients: number
  predicted_s: number | null
  legs: Leg[]
  speed_factor: number | null
}

export interface DriverDesk {
  seq: number
  at: string
  training: boolean
  aboard: Aboard | null
  run: RunSheet | null
  stood_down: string[]
}

/** What belongs to a step beside its name. */
export interface StepFields {
  facility_id?: string
  outside_name?: string
  receiver?: string
  room?: string
  code?: string
  reason?: string
}

export interface StepResult {
  assignment_id: string
  state: Move
  moves: Move[]
  reported: boolean
}

/** One step as it is kept on the phone until the server has answered it. */
export interface KeptStep {
  /** Order of taking; given by the store. */
  n?: number
  who: string
  id: string
  assignment_id: string
  incident_number: string
  to: Move
  /** The phone's clock when the crew took the step. */
  device_at: string
  fields: StepFields
  state: 'waiting' | 'refused' | 'reported'
  problem?: ProblemDocument
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
