/** What an emergency department calls the codes of the API, beyond the words that all pages share. */

import type { components } from '$shared/api/schema'
import { speech, type Words } from '$shared/texts/language.svelte'

export type FacilityDesk = components['schemas']['FacilityDesk']
export type IncomingRun = components['schemas']['IncomingRun']
export type UnsignedHandover = components['schemas']['UnsignedHandover']
export type RefusalReason = components['schemas']['RefusalReason']
export type EmsStatus = components['schemas']['EmsStatus']

/** Indonesian or English, as the page is set. */
export function say(id: string, en: string): string {
  return speech.say({ id, en })
}

/** The word for a code; an unknown code is shown as it is rather than hidden. */
export function word(words: Record<string, Words>, code: string): string {
  const found = words[code]
  return found ? speech.say(found) : code.replaceAll('_', ' ')
}

export const emsWords: Record<EmsStatus, Words> = {
  normal: { id: 'Normal', en: 'Normal' },
  advisory: { id: 'Padat', en: 'Advisory' },
  closed: { id: 'Tutup', en: 'Closed' },
}

export const emsMeaning: Record<EmsStatus, Words> = {
  normal: { id: 'Menerima ambulans', en: 'Takes ambulances' },
  advisory: { id: 'Menerima, tetapi padat', en: 'Takes ambulances, but crowded' },
  closed: { id: 'Tidak menerima ambulans', en: 'Takes no ambulances' },
}
