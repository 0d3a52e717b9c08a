/** What the drivers' page calls the codes of the API, beyond the words that all pages share. */

import type { Words } from '$shared/texts/language.svelte'

export { say, word } from '$shared/texts/say'

export const checkWords: Record<string, Words> = {
  tyres: { id: 'Ban baik', en: 'Tyres good' },
  fuel: { id: 'Bahan bakar cukup', en: 'Enough fuel' },
  oxygen: { id: 'Oksigen terisi', en: 'Oxygen filled' },
  kit: { id: 'Perlengkapan lengkap', en: 'Kit complete' },
}

export const capabilityWords: Record<string, Words> = {
  igd24: { id: 'IGD 24 jam', en: 'ED 24 h' },
  ponek: { id: 'PONEK', en: 'PONEK' },
  icu: { id: 'ICU', en: 'ICU' },
}
