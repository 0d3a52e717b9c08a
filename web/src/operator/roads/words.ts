/** What road changes are called. */

import { kilometres, speech, timeOfDay, type Words } from '$shared/texts/language.svelte'
import { roadReasonWords, type WordsOf } from '$shared/texts/words'
import { regional, zoneName } from '$shared/texts/zone.svelte'
import type { RoadChange } from '../state/api'
import { say, word } from '$shared/texts/say'
import type { Until } from './times'

export const changeStateWords: WordsOf<'RoadChangeState'> = {
  planned: { id: 'Direncanakan', en: 'Planned' },
  active: { id: 'Berlaku', en: 'In force' },
  ended: { id: 'Berakhir', en: 'Ended' },
  lifted: { id: 'Dicabut', en: 'Lifted' },
}

export const kindWords: Record<'point' | 'line' | 'area', Words> = {
  line: { id: 'Garis', en: 'Line' },
  point: { id: 'Titik', en: 'Spot' },
  area: { id: 'Wilayah', en: 'Area' },
}

export const untilWords: Record<Until, Words> = {
  hour: { id: '1 jam', en: '1 hour' },
  hours: { id: '4 jam', en: '4 hours' },
  midnight: { id: 'Tengah malam', en: 'Midnight' },
  lifted: { id: 'Sampai dicabut', en: 'Until lifted' },
  own: { id: 'Waktu lain', en: 'Another time' },
}

/** What is left of the speed, as people say it. */
export const FACTORS: [number, Words][] = [
  [0.75, { id: 'tiga perempat kecepatan', en: 'three quarters of the speed' }],
  [0.5, { id: 'setengah kecepatan', en: 'half the speed' }],
  [0.25, { id: 'seperempat kecepatan', en: 'a quarter of the speed' }],
  [0.1, { id: 'merayap (sepersepuluh)', en: 'a crawl (a tenth)' }],
]

export function effectText(effect: RoadChange['effect'], factor: number | null): string {
  if (effect === 'close') return say('Ditutup', 'Closed')
  const known = FACTORS.find(([value]) => value === factor)
  return known ? `${say('Lambat', 'Slow')}: ${speech.say(known[1])}` : `${say('Lambat', 'Slow')}: ${Math.round((factor ?? 0) * 100)} %`
}

/** `Jl. Veteran, Jl. Sudirman dan 3 lagi · 2,2 km`. */
export function roadsText(roads: RoadChange['roads'], most = 3): string {
  const names = roads.streets.slice(0, most).join(', ')
  const rest = roads.streets.length - most
  const more = rest > 0 ? say(` dan ${rest} lagi`, ` and ${rest} more`) : ''
  return [names === '' ? say('jalan tanpa nama', 'roads without a name') : `${names}${more}`, kilometres(roads.km * 1000)].join(' · ')
}

/** `21:30 WIB`, on another day with its date. */
export function momentText(iso: string, now: number): string {
  const zone = regional.zone
  const day = (at: number | string): string => new Intl.DateTimeFormat(speech.language === 'id' ? 'id-ID' : 'en-GB', {
    day: 'numeric', month: 'short', ...(zone ? { timeZone: zone } : {}),
  }).format(new Date(at))
  const hour = `${timeOfDay(iso).slice(0, 5)}${zone === undefined ? '' : ` ${zoneName(zone)}`}`
  return day(iso) === day(now) ? hour : `${day(iso)} ${hour}`
}

export function reasonText(change: RoadChange): string {
  return [word(roadReasonWords, change.reason), change.note].filter(Boolean).join(': ')
}
