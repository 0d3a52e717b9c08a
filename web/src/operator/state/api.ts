/** Short names for what the API hands to the desk. */

import type { components } from '$shared/api/schema'

type Schemas = components['schemas']
export type Board = Schemas['Board']
export type CallRow = Schemas['CallRow']
export type CallFile = Schemas['CallFile']
export type CaseFile = Schemas['CaseFile']
export type CrewCall = Schemas['CrewCall']
export type EventView = Schemas['EventView']
export type Facility = Schemas['FacilityByRoad']
export type HeldBackUnit = Schemas['HeldBackUnit']
export type IncidentRow = Schemas['IncidentRow']
export type LegView = Schemas['LegView']
export type NoticeView = Schemas['NoticeView']
export type OperatorStep = Schemas['OperatorStep']
export type PlaceFound = Schemas['PlaceFound']
export type PatientPatch = Schemas['PatientPatch']
export type PatientView = Schemas['PatientView']
export type Point = Schemas['Point']
export type QuestionTree = Schemas['QuestionTree']
export type RankedUnit = Schemas['RankedUnit']
export type NewRoadChange = Schemas['NewChange']
export type RoadChange = Schemas['RoadChangeView']
export type RoadChangePreview = Schemas['RoadChangePreview']
export type RunView = Schemas['RunView']
export type StampView = Schemas['StampView']
export type Triage = Schemas['Triage']
export type UnitRanking = Schemas['UnitRanking']
export type UnitView = Schemas['UnitView']
export type Verdict = Schemas['Verdict']

/** A place that somebody has chosen; `accuracy_m` where it is known to be vague: the middle of a village. */
export type Chosen = Point & { accuracy_m?: number | null }
