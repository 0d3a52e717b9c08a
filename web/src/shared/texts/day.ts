/** Days as people write and read them: the month by its name, so that no browser's habit turns 5/11 into 11/5. */

import type { Language } from './language.svelte'

/** The months by the letters they begin with, in Indonesian and English, also as they were spelled once. */
const MONTHS: readonly (readonly string[])[] = [
  ['jan'], ['feb', 'peb'], ['mar'], ['apr'], ['mei', 'may'], ['jun'], ['jul'], ['agu', 'agt', 'ags', 'aug'], ['sep'], ['okt', 'oct'],
  ['nov', 'nop'], ['des', 'dec'],
]
const DAY_MS = 86_400_000

/** Today by the clock of a zone, as `2026-11-20`. */
export function today(now: number, zone: string): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(now)
}

export function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00Z`) + days * DAY_MS).toISOString().slice(0, 10)
}

/** A day that the calendar has, as `2026-11-20`. */
function made(year: number, month: number, day: number): string | undefined {
  const at = new Date(Date.UTC(year, month - 1, day))
  if (year < 2000 || year > 2099 || at.getUTCMonth() !== month - 1 || at.getUTCDate() !== day) return undefined
  return at.toISOString().slice(0, 10)
}

function monthOf(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text)
  const found = MONTHS.findIndex((names) => names.some((name) => text.startsWith(name)))
  return found < 0 ? undefined : found + 1
}

/** The year that brings a day nearest to another one: `31 12` is last December in January. */
function nearest(month: number, day: number, near: string): string | undefined {
  const year = Number(near.slice(0, 4))
  const away = (one: string): number => Math.abs(Date.parse(one) - Date.parse(near))
  return [year - 1, year, year + 1].flatMap((y) => made(y, month, day) ?? []).sort((a, b) => away(a) - away(b))[0]
}

/**
 * What somebody typed as `2026-11-20`: `20 11`, `2011`, `20/11/26`, `20.11.2026`, `201126`, `20 Nov 2026`, `2026-11-20`; the day
 * always before the month. Without a year it is the one nearest to `near`. Undefined for what is no day.
 */
export function readDay(text: string, near: string): string | undefined {
  const typed = text.trim().toLowerCase().replace(/([a-z])(\d)/, '$1 $2')
  const yearFirst = /^(20\d\d)-?(\d\d)-?(\d\d)$/.exec(typed)
  // eight digits in a row are a year first only where they cannot be a day first: no month is the 20th
  if (yearFirst !== null && (typed.includes('-') || typed.slice(4, 6) !== '20')) {
    return made(Number(yearFirst[1]), Number(yearFirst[2]), Number(yearFirst[3]))
  }
  const found = /^(\d\d)(\d\d)(\d{2}|\d{4})?$/.exec(typed) ?? /^(\d{1,2})[ ./-]*(\d{1,2}|[a-z]{3,})(?:[ ./-]+(\d{2}|\d{4}))?$/.exec(typed)
  if (found === null) return undefined
  const [day, month, year] = [Number(found[1]), monthOf(String(found[2])), found[3]]
  if (month === undefined) return undefined
  return year === undefined ? nearest(month, day, near) : made(Number(year.length === 2 ? `20${year}` : year), month, day)
}

function written(day: string, language: Language, options: Intl.DateTimeFormatOptions): string {
  return new Intl.DateTimeFormat(language === 'id' ? 'id-ID' : 'en-GB', { ...options, timeZone: 'UTC' }).format(Date.parse(`${day}T00:00Z`))
}

/** `20 Nov 2026`. */
export function shortDay(day: string, language: Language): string {
  return written(day, language, { day: 'numeric', month: 'short', year: 'numeric' })
}

/** `Jumat, 20 November 2026`. */
export function longDay(day: string, language: Language): string {
  return written(day, language, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' })
}

/** `Jumat`. */
export function weekday(day: string, language: Language): string {
  return written(day, language, { weekday: 'long' })
}
