/** A case as it was known at one moment: the steps up to then, folded. Nothing here asks the server or the clock. */

import type { components } from '$shared/api/schema'

type Schemas = components['schemas']
export type CaseReplay = Schemas['CaseReplay']
export type ReplayMoment = Schemas['ReplayMoment']
export type ReplayMessage = Schemas['ReplayMessage']
export type ReplayStep = Schemas['ReplayStep']
export type RoadAtMoment = Schemas['RoadAtMoment']
export type UnitAtMoment = Schemas['UnitAtMoment']

/** What is told later than this after it happened was news of something past. */
const LATE_S = 5

/** What is told anew as long as it lasts. */
const REPEATED = new Set([
  'signal_lost', 'call_unanswered', 'verdict_overdue', 'unit_overdue', 'manual_unit_unanswered', 'departure_overdue', 'run_overdue',
  'handover_overdue', 'facility_unanswered', 'refusal_unheeded', 'countersignature_overdue', 'closure_overdue',
])

/** One row as it was known, and which step told of it. */
export interface KnownRow {
  table: string
  id: string
  fields: Record<string, unknown>
  erased: boolean
  /** The step that brought this form of the row. */
  told: ReplayStep
  /** The fields that this step changed; all of them when it brought the row. */
  changed: ReadonlySet<string>
}

export interface Known {
  /** The last step that was known; undefined before the first. */
  step: ReplayStep | undefined
  rows: ReadonlyMap<string, KnownRow>
  /** The steps up to then, the last one first. */
  past: readonly ReplayStep[]
}

/** In ms; the log's times have microseconds, and two steps within one millisecond keep their order by number. */
export function knownAt(step: ReplayStep): number {
  return Date.parse(step.recorded_at)
}

/** How many of the steps were known at a moment. */
export function countKnown(steps: readonly ReplayStep[], at: number): number {
  let low = 0
  let high = steps.length
  while (low < high) {
    const middle = (low + high) >> 1
    const step = steps[middle]
    if (step !== undefined && knownAt(step) <= at) low = middle + 1
    else high = middle
  }
  return low
}

/** Fold the first `count` steps: of every row the last form that was told. */
export function fold(steps: readonly ReplayStep[], count: number): Known {
  const past = steps.slice(0, count)
  const rows = new Map<string, KnownRow>()
  for (const told of past) {
    for (const row of told.rows) {
      const key = `${row.table}:${row.id}`
      const before = rows.get(key)
      rows.set(key, { ...row, told, changed: differing(row.fields, before?.fields) })
    }
  }
  return { step: past.at(-1), rows, past: past.reverse() }
}

function differing(now: Record<string, unknown>, before: Record<string, unknown> | undefined): Set<string> {
  const names = Object.keys(now)
  return new Set(before === undefined ? names : names.filter((name) => JSON.stringify(now[name]) !== JSON.stringify(before[name])))
}

/** Steps, the last one first, with those that only say again what the one after them says counted into it. */
export function repeatsFolded(past: readonly ReplayStep[]): { step: ReplayStep; times: number }[] {
  const found: { step: ReplayStep; times: number }[] = []
  for (const step of past) {
    const last = found.at(-1)
    const again = last !== undefined && REPEATED.has(step.kind) && last.step.kind === step.kind && last.step.subject_id === step.subject_id
    if (again) last.times += 1
    else found.push({ step, times: 1 })
  }
  return found
}

/** The known rows of a table, in the order in which they became known. */
export function rowsOf(known: Known, table: string): KnownRow[] {
  return [...known.rows.values()].filter((row) => row.table === table)
}

/** Seconds between when something happened and when it became known; undefined when that was at once. */
export function lateness(happened: string, told: ReplayStep): number | undefined {
  const seconds = (knownAt(told) - Date.parse(happened)) / 1000
  return seconds > LATE_S ? seconds : undefined
}

/** Whether the step that is looked at brought or changed this row. */
export function isNew(row: KnownRow, known: Known): boolean {
  return row.told === known.step && row.changed.size > 0
}

/** Messages that were on their way by then, and whether they had gone out. */
export function messagesKnown(messages: readonly ReplayMessage[], at: number): { message: ReplayMessage; sent: boolean; failed: boolean }[] {
  const by = (moment: string | null): boolean => moment !== null && Date.parse(moment) <= at
  return messages.filter((message) => by(message.created_at))
    .map((message) => ({ message, sent: by(message.sent_at), failed: by(message.failed_at) }))
}

/** The page after another, joined; steps that both hold count once. */
export function joined(before: CaseReplay, next: CaseReplay): CaseReplay {
  const last = before.steps.at(-1)?.seq ?? 0
  const join = (a: Record<string, string>, b: Record<string, string>): Record<string, string> => ({ ...a, ...b })
  return {
    ...next,
    steps: [...before.steps, ...next.steps.filter((step) => step.seq > last)],
    messages: before.messages,
    names: {
      units: join(before.names.units, next.names.units), facilities: join(before.names.facilities, next.names.facilities),
      villages: join(before.names.villages, next.names.villages), staff: join(before.names.staff, next.names.staff),
    },
  }
}

/** ms that the zone's clocks are ahead of UTC at a moment. */
function ahead(at: number, zone: string): number {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone, year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric', hourCycle: 'h23',
  }).formatToParts(new Date(at))
  const part = (type: string): number => Number(parts.find((one) => one.type === type)?.value)
  const there = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'))
  return there - Math.floor(at / 1000) * 1000
}

/** A typed time of day (`14:03`, `14.03.20`, `140320`) as the moment of the case nearest to `near`; undefined for no time. */
export function momentOf(typed: string, near: number, zone: string): number | undefined {
  const found = /^\s*(\d{1,2})[:.]?(\d{2})(?:[:.]?(\d{2}))?\s*$/.exec(typed)
  if (found === null) return undefined
  const [hour, minute, second] = [Number(found[1]), Number(found[2]), Number(found[3] ?? 0)]
  if (hour > 23 || minute > 59 || second > 59) return undefined
  const offset = ahead(near, zone)
  const midnight = Math.floor((near + offset) / 86_400_000) * 86_400_000 - offset
  const wanted = midnight + ((hour * 60 + minute) * 60 + second) * 1000
  // a case may run over midnight
  const days = [wanted - 86_400_000, wanted, wanted + 86_400_000]
  return days.reduce((best, one) => (Math.abs(one - near) < Math.abs(best - near) ? one : best))
}

/** Where on the line a moment lies, 0 to 1. */
export function share(at: number, from: number, to: number): number {
  return to <= from ? 0 : Math.min(1, Math.max(0, (at - from) / (to - from)))
}
