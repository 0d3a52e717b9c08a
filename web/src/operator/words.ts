/** What the desk calls the codes of the API, beyond the words that all pages share. */

import type { Words } from '$shared/texts/language.svelte'
import type { WordsOf } from '$shared/texts/words'

export const noticeWords: WordsOf<'NoticeKind'> = {
  offer: { id: 'tawaran belum dijawab', en: 'offer not answered' },
  stand_down: { id: 'belum tahu dipanggil kembali', en: 'does not know that it is stood down' },
  destination: { id: 'belum tahu tujuan barunya', en: 'does not know its new destination' },
}

export const noticeKindWords: WordsOf<'NoticeKind'> = {
  offer: { id: 'Tawaran', en: 'Offer' },
  stand_down: { id: 'Dipanggil kembali', en: 'Stood down' },
  destination: { id: 'Tujuan baru', en: 'New destination' },
}

export const cancelWords: WordsOf<'CancelReason'> = {
  caller_cancelled: { id: 'Dibatalkan pemanggil', en: 'Cancelled by the caller' },
  false_alarm: { id: 'Laporan keliru', en: 'False alarm' },
  duplicate: { id: 'Sudah ada kejadiannya', en: 'Duplicate' },
  other_service: { id: 'Ditangani layanan lain', en: 'Another service helps' },
  not_needed: { id: 'Bantuan tidak diperlukan lagi', en: 'Help not needed any more' },
}

export const emsWords: WordsOf<'EmsStatus'> = {
  normal: { id: 'Menerima', en: 'Open' },
  advisory: { id: 'Padat', en: 'Busy' },
  closed: { id: 'Menolak', en: 'Closed' },
}

export const qualityWords: WordsOf<'PositionQuality'> = {
  live: { id: 'langsung', en: 'live' },
  old: { id: 'LAMA', en: 'OLD' },
  assumed: { id: 'perkiraan', en: 'assumed' },
}

export const kindWords: Record<string, Words> = {
  transport: { id: 'Transport', en: 'Transport' },
  basic: { id: 'Dasar', en: 'Basic' },
  advanced: { id: 'Lanjut', en: 'Advanced' },
  ambulans_desa: { id: 'Desa', en: 'Village' },
}

export const capabilityWords: Record<string, Words> = {
  transport: { id: 'transport', en: 'transport' },
  basic: { id: 'ambulans dasar', en: 'basic life support' },
  advanced: { id: 'ambulans lanjut', en: 'advanced life support' },
  stretcher: { id: 'tandu', en: 'stretcher' },
  oxygen: { id: 'oksigen', en: 'oxygen' },
  suction: { id: 'pengisap', en: 'suction' },
  monitor: { id: 'monitor', en: 'monitor' },
  defibrillator: { id: 'defibrilator', en: 'defibrillator' },
  ventilator: { id: 'ventilator', en: 'ventilator' },
  infusion: { id: 'infus', en: 'infusion' },
  obstetric_kit: { id: 'alat persalinan', en: 'obstetric kit' },
  aed: { id: 'AED', en: 'AED' },
  splints: { id: 'bidai', en: 'splints' },
  igd24: { id: 'IGD 24 jam', en: 'emergency dept 24 h' },
  ponek: { id: 'PONEK', en: 'PONEK' },
  icu: { id: 'ICU', en: 'ICU' },
}
