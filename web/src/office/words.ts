/** What the report's codes are called, and how its figures are written. */

import type { components } from '$shared/api/schema'
import { clock, speech, type Words } from '$shared/texts/language.svelte'
import { say } from '$shared/texts/say'

type Schemas = components['schemas']
export type Report = Schemas['ResponseTimes']
export type IntervalReport = Schemas['IntervalReport']
export type Course = Schemas['IntervalCourse']
export type Share = Schemas['Share']
export type RoadQuality = Schemas['RoadQuality']
export type Step = Schemas['Step']
export type Triage = Schemas['Triage']

export { say }
export { word } from '$shared/texts/say'

function locale(): string {
  return speech.language === 'id' ? 'id-ID' : 'en-GB'
}

export function count(n: number): string {
  return new Intl.NumberFormat(locale()).format(n)
}

/** Seconds as people read them: `4,2 dtk`, from one minute on `3:20`. */
export function duration(seconds: number | null): string {
  if (seconds === null) return '–'
  if (seconds >= 59.95) return clock(seconds)
  return `${new Intl.NumberFormat(locale(), { maximumFractionDigits: 1 }).format(seconds)} ${say('dtk', 's')}`
}

export function percent(share: number): string {
  return `${new Intl.NumberFormat(locale(), { maximumFractionDigits: share > 0 && share < 0.1 ? 1 : 0 }).format(share * 100)} %`
}

/** A local day (`2026-11-20`) in words. */
export function day(iso: string, short = false): string {
  const options: Intl.DateTimeFormatOptions = short
    ? { day: 'numeric', month: 'short', timeZone: 'UTC' }
    : { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' }
  return new Intl.DateTimeFormat(locale(), options).format(new Date(`${iso}T00:00:00Z`))
}

/** A moment in the regency's own time. */
export function moment(iso: string, zone: string): string {
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeStyle: 'short', timeZone: zone }).format(new Date(iso))
}

/** Missing ones with whose stamps are missing, as every figure must carry them. */
export function missingWords(found: { missing: number; missing_app: number; missing_manual: number }): string {
  const none = found.missing - found.missing_app - found.missing_manual
  const parts = [
    found.missing_app ? `${say('aplikasi', 'app')} ${count(found.missing_app)}` : '',
    found.missing_manual ? `manual ${count(found.missing_manual)}` : '',
    none ? `${say('tanpa unit', 'no unit')} ${count(none)}` : '',
  ].filter((part) => part !== '')
  return parts.length > 0 ? parts.join(', ') : ''
}

export const severityWords: Record<RoadQuality['findings'][number]['severity'], Words> = {
  serious: { id: 'Berat', en: 'Serious' },
  warning: { id: 'Perhatian', en: 'Warning' },
  info: { id: 'Keterangan', en: 'Note' },
}

export const levelWords: Record<string, Words> = {
  incident: { id: 'per kejadian', en: 'per incident' },
  assignment: { id: 'per penugasan', en: 'per run' },
  leg: { id: 'per etape', en: 'per leg' },
}

export const smallWords: Words = { id: '< 100 kasus: jangan dibandingkan', en: '< 100 cases: do not compare' }
