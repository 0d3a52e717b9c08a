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

export const declineWords: Record<string, Words> = {
  vehicle: { id: 'Kendaraan bermasalah', en: 'Vehicle trouble' },
  crew: { id: 'Awak tidak lengkap', en: 'Crew incomplete' },
  too_far: { id: 'Terlalu jauh', en: 'Too far' },
  unsafe: { id: 'Tidak aman', en: 'Unsafe' },
  other: { id: 'Alasan lain', en: 'Another reason' },
}

export const unreadyWords: Record<string, Words> = {
  breakdown: { id: 'Rusak', en: 'Breakdown' },
  fuel: { id: 'Isi bahan bakar', en: 'Fuel' },
  cleaning: { id: 'Dibersihkan', en: 'Cleaning' },
  rest: { id: 'Istirahat', en: 'Rest' },
  failed_check: { id: 'Gagal pemeriksaan', en: 'Failed check' },
  other: { id: 'Lainnya', en: 'Other' },
}

export const noTransportWords: Record<string, Words> = {
  treated_on_scene: { id: 'Ditangani di tempat', en: 'Treated on scene' },
  refused: { id: 'Pasien menolak dibawa', en: 'Patient refused transport' },
  not_found: { id: 'Pasien tidak ditemukan', en: 'Patient not found' },
  died: { id: 'Meninggal di tempat', en: 'Died on scene' },
  referred: { id: 'Dialihkan ke layanan lain', en: 'Referred elsewhere' },
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
