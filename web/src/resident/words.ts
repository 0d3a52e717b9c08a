/** What the residents' page calls the codes of the API, beyond the words that all pages share. */

import type { Words } from '$shared/texts/language.svelte'

export { say, word } from '$shared/texts/say'

/** The registry's elements, by their names there. */
export const elementWords: Record<string, Words> = {
  NIK: { id: 'NIK', en: 'NIK' },
  NAMA_LGKP: { id: 'Nama lengkap', en: 'Full name' },
  TMPT_LHR: { id: 'Tempat lahir', en: 'Place of birth' },
  TGL_LHR: { id: 'Tanggal lahir', en: 'Date of birth' },
  JENIS_KLMIN: { id: 'Jenis kelamin', en: 'Sex' },
  ALAMAT: { id: 'Alamat', en: 'Address' },
  NO_RT: { id: 'RT', en: 'RT' },
  NO_RW: { id: 'RW', en: 'RW' },
  KEL_NAME: { id: 'Desa/kelurahan', en: 'Village' },
  KEC_NAME: { id: 'Kecamatan', en: 'District' },
  KAB_NAME: { id: 'Kabupaten/kota', en: 'Regency' },
  PROP_NAME: { id: 'Provinsi', en: 'Province' },
}

export const progressWords: Record<string, Words> = {
  received: { id: 'Diterima', en: 'Received' },
  taken: { id: 'Ditangani', en: 'Being handled' },
  disposed: { id: 'Ditutup operator', en: 'Closed by the operator' },
  cancelled: { id: 'Dibatalkan', en: 'Cancelled' },
  searching: { id: 'Mencari ambulans', en: 'Finding an ambulance' },
  waiting: { id: 'Menunggu ambulans', en: 'Waiting for an ambulance' },
  sent: { id: 'Ambulans ditugaskan', en: 'Ambulance assigned' },
  coming: { id: 'Ambulans menuju lokasi', en: 'Ambulance on its way' },
  arrived: { id: 'Ambulans tiba', en: 'Ambulance arrived' },
  transport: { id: 'Dibawa ke faskes', en: 'On the way to the facility' },
  handed_over: { id: 'Di ruang perawatan', en: 'In the treatment room' },
  ended: { id: 'Selesai', en: 'Ended' },
}

/** Codes after which a call does not change any more. */
export const OVER = new Set(['disposed', 'cancelled', 'ended'])

export const capabilityWords: Record<string, Words> = {
  igd24: { id: 'IGD 24 jam', en: 'emergency dept 24 h' },
  ponek: { id: 'PONEK', en: 'PONEK (birth)' },
  icu: { id: 'ICU', en: 'ICU' },
}
