/** What an emergency department calls the codes of the API, beyond the words that all pages share. */

import type { components } from '$shared/api/schema'
import type { Words } from '$shared/texts/language.svelte'

export type FacilityDesk = components['schemas']['FacilityDesk']
export type IncomingRun = components['schemas']['IncomingRun']
export type UnsignedHandover = components['schemas']['UnsignedHandover']
export type RefusalReason = components['schemas']['RefusalReason']
export type EmsStatus = components['schemas']['EmsStatus']

export { say, word } from '$shared/texts/say'

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
