/** What the desk calls the codes of the API, beyond the words that all pages share. */

import type { Words } from '$shared/texts/language.svelte'
import type { WordsOf } from '$shared/texts/words'

export const noticeWords: WordsOf<'NoticeKind'> = {
  offer: { id: 'tawaran belum dijawab', en: 'offer not answered' },
  stand_down: { id: 'belum tahu tugasnya dibatalkan', en: 'does not know of its stand-down' },
  destination: { id: 'belum tahu tujuan barunya', en: 'does not know its new destination' },
}

export const noticeKindWords: WordsOf<'NoticeKind'> = {
  offer: { id: 'Tawaran', en: 'Offer' },
  stand_down: { id: 'Pembatalan', en: 'Stand-down' },
  destination: { id: 'Tujuan baru', en: 'New destination' },
}

export const incidentStateWords: WordsOf<'IncidentState'> = {
  reported: { id: 'Belum diputuskan', en: 'No verdict yet' },
  confirmed: { id: 'Dipastikan', en: 'Confirmed' },
  closed: { id: 'Ditutup', en: 'Closed' },
  cancelled: { id: 'Dibatalkan', en: 'Cancelled' },
  merged: { id: 'Digabung', en: 'Merged' },
  forwarded: { id: 'Diteruskan', en: 'Forwarded' },
}

export const callStateWords: WordsOf<'CallState'> = {
  ringing: { id: 'Memanggil', en: 'Ringing' },
  taken: { id: 'Ditangani', en: 'Taken' },
  linked: { id: 'Jadi kejadian', en: 'Linked to an incident' },
  disposed: { id: 'Selesai', en: 'Disposed of' },
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

export const placeSourceWords: Record<string, Words> = {
  fix: { id: 'dari pelacak', en: 'from its tracker' },
  last_cleared: { id: 'tempat terakhir selesai', en: 'where it was last cleared' },
  base: { id: 'pangkalan', en: 'its base' },
}

export const legStateWords: Record<string, Words> = {
  planned: { id: 'direncanakan', en: 'planned' },
  transporting: { id: 'dalam perjalanan', en: 'under way' },
  at_facility: { id: 'di faskes', en: 'at the facility' },
  handed_over: { id: 'serah terima', en: 'handed over' },
  diverted: { id: 'dialihkan', en: 'diverted' },
}

export const sourceWords: Record<string, Words> = {
  crew: { id: 'awak', en: 'crew' },
  operator: { id: 'operator', en: 'operator' },
  system: { id: 'sistem', en: 'system' },
  geofence_confirmed: { id: 'awak (lokasi)', en: 'crew (geofence)' },
  sms: { id: 'SMS', en: 'SMS' },
  paper: { id: 'kertas', en: 'paper' },
}

export const stampWords: WordsOf<'Stamp'> = {
  called_at: { id: 'Panggilan masuk', en: 'Called' },
  taken_at: { id: 'Diambil operator', en: 'Taken' },
  confirmed_at: { id: 'Diputuskan', en: 'Verdict' },
  assigned_at: { id: 'Unit dipilih', en: 'Unit chosen' },
  offered_at: { id: 'Ditawarkan', en: 'Offered' },
  accepted_at: { id: 'Diterima awak', en: 'Accepted' },
  en_route_at: { id: 'Berangkat', en: 'En route' },
  staged_at: { id: 'Menunggu aman', en: 'Staged' },
  on_scene_at: { id: 'Tiba di lokasi', en: 'On scene' },
  at_patient_at: { id: 'Bersama pasien', en: 'At patient' },
  left_scene_at: { id: 'Membawa pasien', en: 'Left scene' },
  at_facility_at: { id: 'Tiba di faskes', en: 'At facility' },
  handed_over_at: { id: 'Serah terima', en: 'Handed over' },
  available_at: { id: 'Siap kembali', en: 'Available' },
  stood_down_at: { id: 'Dipanggil kembali', en: 'Stood down' },
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

export const verificationWords: Record<string, Words> = {
  match: { id: 'KTP cocok', en: 'ID card matches' },
  mismatch: { id: 'KTP tidak cocok', en: 'ID card does not match' },
  not_found: { id: 'NIK tidak ditemukan', en: 'ID number not found' },
  unavailable: { id: 'Dukcapil tidak menjawab', en: 'Registry did not answer' },
}
