/** The language of the page: Indonesian first, English second; the choice is kept on the device. */

import { device } from '../storage'
import { regional, zoneName } from './zone.svelte'

export type Language = 'id' | 'en'
export interface Words { id: string; en: string }

const KEY = 'semar.language'

function stored(): Language {
  return device.getItem(KEY) === 'en' ? 'en' : 'id'
}

class Speech {
  language = $state<Language>(stored())

  choose(language: Language): void {
    this.language = language
    device.setItem(KEY, language)
    document.documentElement.lang = language
  }

  /** The words in the language of the page. */
  say(words: Words): string {
    return words[this.language]
  }
}

export const speech = new Speech()
document.documentElement.lang = speech.language

/** `3 menit 20 detik` is too long for a queue: minutes and seconds as `3:20`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const hours = Math.floor(whole / 3600)
  const minutes = Math.floor((whole % 3600) / 60)
  const rest = String(whole % 60).padStart(2, '0')
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`
}

/** Minutes as people say them; an approximate one carries `~`. */
export function aboutMinutes(seconds: number, approximate = false): string {
  const minutes = Math.max(1, Math.round(seconds / 60))
  return `${approximate ? '~' : ''}${minutes} ${speech.say({ id: 'menit', en: 'min' })}`
}

/** `6–9 menit`: between which minutes eight journeys of ten lie. */
export function minuteRange(low: number, high: number): string {
  const from = Math.max(1, Math.round(low / 60))
  const to = Math.max(from, Math.round(high / 60))
  return `${from === to ? from : `${from}–${to}`} ${speech.say({ id: 'mnt', en: 'min' })}`
}

/** `2,2 km`, as the language writes decimals. */
export function kilometres(metres: number): string {
  const digits = { minimumFractionDigits: 1, maximumFractionDigits: 1 }
  return `${new Intl.NumberFormat(speech.language === 'id' ? 'id-ID' : 'en-GB', digits).format(metres / 1000)} km`
}

/** `23:41:05` by the regency's clock; the frame of every page shows which zone that is. */
export function timeOfDay(iso: string, zone: string | undefined = regional.zone): string {
  // h23: `hour12: false` writes midnight as 24 in some languages
  return new Intl.DateTimeFormat(speech.language === 'id' ? 'id-ID' : 'en-GB', {
    hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23', ...(zone ? { timeZone: zone } : {}),
  }).format(new Date(iso)).replaceAll('.', ':')
}

/** `23:41 WIB`: a moment to come, where nobody shall wonder whose clock it is by. */
export function hourWithZone(iso: string): string {
  const hour = timeOfDay(iso).slice(0, 5)
  return regional.zone === undefined ? hour : `${hour} ${zoneName(regional.zone)}`
}
