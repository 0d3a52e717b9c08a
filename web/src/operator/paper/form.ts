/** A paper form as it is typed: minutes by the regency's clock, days inferred, nothing sent that was not written. */

import type { components } from '$shared/api/schema'
import { fromWall, readTime } from '../roads/times'
import type { Chosen, Triage } from '../state/api'

type Schemas = components['schemas']
export type PaperBody = Schemas['PaperCaseBody']
export type End = Schemas['PaperEnd']
export type Gap = Schemas['PaperGap']
export type NoTransport = Schemas['NoTransport']
export type RunBody = Schemas['PaperRunBody']
export type Outcome = Schemas['Outcome']
export type CancelReason = Schemas['CancelReason']

/** The moments of a run with a box on the form, in their order. */
export const RUN_STAMPS = [
  'assigned_at', 'accepted_at', 'en_route_at', 'on_scene_at', 'at_patient_at', 'left_scene_at', 'at_facility_at', 'handed_over_at',
  'available_at', 'stood_down_at',
] as const
export const CASE_STAMPS = ['called_at', 'taken_at', 'confirmed_at'] as const
export type RunStamp = (typeof RUN_STAMPS)[number]
export type CaseStamp = (typeof CASE_STAMPS)[number]

export interface RunDraft {
  unit: string
  times: Partial<Record<RunStamp, string>>
  end: End | ''
  code: NoTransport | ''
  facility: string
  outside: string
  receiver: string
  room: string
  carried: string
}

export interface FormDraft {
  id: string
  number: string
  /** The waiting call that the form is about; empty when the system never heard of it. */
  call: string
  /** The day of the call, `2026-11-21`; times after midnight are those of the next. */
  day: string
  times: Partial<Record<CaseStamp, string>>
  channel: PaperBody['channel']
  name: string
  phone: string
  place: Chosen | null
  placeNote: string
  note: string
  triage: Triage | null
  patients: number | null
  runs: RunDraft[]
  closed: boolean
  outcome: Outcome | ''
  cancel: CancelReason | ''
  gap: Gap | ''
  remarks: string
  signed: string
  overlap: boolean
}

export function blankRun(): RunDraft {
  return { unit: '', times: {}, end: '', code: '', facility: '', outside: '', receiver: '', room: '', carried: '' }
}

export function blankForm(id: string, today: string): FormDraft {
  return {
    id, number: '', call: '', day: today, times: {}, channel: 'phone', name: '', phone: '', place: null, placeNote: '', note: '', triage: null,
    patients: 1, runs: [blankRun()], closed: true, outcome: '', cancel: '', gap: '', remarks: '', signed: '', overlap: false,
  }
}

/** The day that stands in a form's number. */
export function dayOf(number: string): string | undefined {
  const found = /-(\d{4})(\d\d)(\d\d)-P/i.exec(number)
  return found ? `${found[1]}-${found[2]}-${found[3]}` : undefined
}

const DAY_MS = 86_400_000

/**
 * Moments of times in their order, beginning on a day: one that lies half a day or more before the one before it
 * belongs to the next day, as after midnight; one that lies a little before it is out of order, and stays so.
 */
export function inOrder(day: string, texts: readonly (string | undefined)[], zone: string, after?: number): (number | undefined)[] {
  let before = after
  return texts.map((text) => {
    const hour = readTime(text ?? '')
    if (hour === undefined) return undefined
    let at = fromWall(`${day}T${hour}`, zone)
    if (at === undefined) return undefined
    while (before !== undefined && at < before - DAY_MS / 2) at += DAY_MS
    before = at
    return at
  })
}

export type Moments<Name extends string> = Partial<Record<Name, number>>

function named<Name extends string>(names: readonly Name[], at: (number | undefined)[]): Moments<Name> {
  return Object.fromEntries(names.flatMap((name, n) => (at[n] === undefined ? [] : [[name, at[n]]]))) as Moments<Name>
}

export function caseMoments(draft: FormDraft, zone: string): Moments<CaseStamp> {
  return named(CASE_STAMPS, inOrder(draft.day, CASE_STAMPS.map((name) => draft.times[name]), zone))
}

export function runMoments(draft: FormDraft, run: RunDraft, zone: string): Moments<RunStamp> {
  return named(RUN_STAMPS, inOrder(draft.day, RUN_STAMPS.map((name) => run.times[name]), zone, caseMoments(draft, zone).called_at))
}

/** Two moments that cannot both be right: the later one of the order lies before the earlier one, or in the future. */
export interface Wrong { name: string; before: string | undefined }

export function wrongOf(moments: Moments<string>, order: readonly string[], now: number): Wrong | undefined {
  let last: string | undefined
  for (const name of order) {
    const at = moments[name]
    if (at === undefined) continue
    if (at > now) return { name, before: undefined }
    if (last !== undefined && at < (moments[last] ?? 0)) return { name, before: last }
    last = name
  }
  return undefined
}

/** What was typed and cannot be read as a time; it must not be lost in silence. */
export function unreadable(draft: FormDraft): string[] {
  const typed = [...CASE_STAMPS.map((n) => draft.times[n]), ...draft.runs.flatMap((run) => RUN_STAMPS.map((n) => run.times[n]))]
  return typed.filter((text): text is string => !!text?.trim() && readTime(text) === undefined)
}

export function isBlankRun(run: RunDraft): boolean {
  return run.unit === '' && Object.values(run.times).every((text) => !text?.trim())
}

const iso = (at: number | undefined): string | null => (at === undefined ? null : new Date(at).toISOString())
const words = (text: string): string | null => text.trim() || null

/** How a run ended, where its own times say so: somebody who wrote when it was free again need not say that it was. */
export function endOf(run: RunDraft): End | '' {
  if (run.end !== '') return run.end
  if (run.times.stood_down_at?.trim()) return 'stood_down'
  return run.times.available_at?.trim() && run.times.handed_over_at?.trim() ? 'cleared' : ''
}

/** One run of a form as it is sent. */
export function runBody(draft: FormDraft, run: RunDraft, zone: string): RunBody {
  return {
    unit_id: run.unit, end: endOf(run) || null, code: run.code || null, facility_id: run.facility || null,
    outside_name: run.facility ? null : words(run.outside), receiver: words(run.receiver), room: words(run.room),
    patients: run.carried.trim() === '' ? null : Number(run.carried),
    stamps: Object.fromEntries(Object.entries(runMoments(draft, run, zone)).map(([name, at]) => [name, new Date(at).toISOString()])),
  }
}

/** The form as it is sent; undefined while the time of the call is missing. */
export function bodyOf(draft: FormDraft, zone: string): PaperBody | undefined {
  const own = caseMoments(draft, zone)
  if (own.called_at === undefined) return undefined
  return {
    id: draft.id, number: draft.number.trim(), called_at: new Date(own.called_at).toISOString(), taken_at: iso(own.taken_at),
    confirmed_at: iso(own.confirmed_at), channel: draft.channel, caller_name: words(draft.name), caller_phone: words(draft.phone),
    place: draft.place && { lon: draft.place.lon, lat: draft.place.lat }, place_accuracy_m: draft.place?.accuracy_m ?? null,
    place_note: words(draft.placeNote), note: words(draft.note), triage: draft.triage, patients: draft.patients ?? 1,
    runs: draft.runs.filter((run) => !isBlankRun(run)).map((run) => runBody(draft, run, zone)),
    closed: draft.closed, outcome: draft.outcome || null, cancel_reason: draft.cancel || null, gap: draft.gap || null,
    remarks: words(draft.remarks), signed_by: words(draft.signed), call_id: draft.call || null, confirm_overlap: draft.overlap,
  }
}
