/** What the drivers' page calls the codes of the API, beyond the words that all pages share. */

import { speech, type Words } from '$shared/texts/language.svelte'

/** Indonesian or English, as the page is set. */
export function say(id: string, en: string): string {
  return speech.say({ id, en })
}

/** The word for a code; an unknown code is shown as it is rather than hidden. */
export function word(words: Record<string, Words>, code: string): string {
  const found = words[code]
  return found ? speech.say(found) : code.replaceAll('_', ' ')
}

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
