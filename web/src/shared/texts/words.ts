/** What the codes of the API are called on the pages. */

import type { Words } from './language.svelte'

export const triageWords: Record<string, Words> = {
  red: { id: 'Merah', en: 'Red' },
  yellow: { id: 'Kuning', en: 'Yellow' },
  green: { id: 'Hijau', en: 'Green' },
  black: { id: 'Hitam', en: 'Black' },
  unjudged: { id: 'Belum dinilai', en: 'Not judged' },
}

export const roleWords: Record<string, Words> = {
  operator: { id: 'operator', en: 'operator' },
  driver: { id: 'pengemudi', en: 'driver' },
  facility: { id: 'faskes', en: 'facility' },
  health_office: { id: 'dinas kesehatan', en: 'health office' },
  auditor: { id: 'auditor', en: 'auditor' },
  admin: { id: 'administrator', en: 'administrator' },
}

export const stateWords: Record<string, Words> = {
  offered: { id: 'Ditawarkan', en: 'Offered' },
  accepted: { id: 'Diterima', en: 'Accepted' },
  en_route: { id: 'Menuju lokasi', en: 'En route' },
  staged: { id: 'Menunggu di jarak aman', en: 'Staged' },
  on_scene: { id: 'Tiba di lokasi', en: 'On scene' },
  at_patient: { id: 'Bersama pasien', en: 'At patient' },
  left_scene: { id: 'Menuju faskes', en: 'To facility' },
  at_facility: { id: 'Tiba di faskes', en: 'At facility' },
  handed_over: { id: 'Serah terima selesai', en: 'Handed over' },
  cleared: { id: 'Siap kembali', en: 'Cleared' },
  declined: { id: 'Ditolak', en: 'Declined' },
  timed_out: { id: 'Tidak dijawab', en: 'Timed out' },
  stood_down: { id: 'Dibatalkan', en: 'Stood down' },
  diverted: { id: 'Dialihkan', en: 'Diverted' },
  completed_without_transport: { id: 'Selesai tanpa membawa pasien', en: 'Ended without transport' },
}

/** What a button says that moves a run to a state. */
export const moveWords: Record<string, Words> = {
  accepted: { id: 'Terima', en: 'Accept' },
  declined: { id: 'Tolak', en: 'Decline' },
  en_route: { id: 'Berangkat', en: 'Drive off' },
  staged: { id: 'Tunggu di jarak aman', en: 'Stage' },
  on_scene: { id: 'Tiba di lokasi', en: 'Arrived at scene' },
  at_patient: { id: 'Bersama pasien', en: 'At the patient' },
  left_scene: { id: 'Bawa ke faskes', en: 'Leave for facility' },
  at_facility: { id: 'Tiba di faskes', en: 'Arrived at facility' },
  handed_over: { id: 'Serah terima', en: 'Hand over' },
  cleared: { id: 'Siap kembali', en: 'Clear' },
  completed_without_transport: { id: 'Selesai tanpa membawa', en: 'End without transport' },
  stood_down: { id: 'Batalkan unit', en: 'Stand down' },
}

export const unitStatusWords: Record<string, Words> = {
  available: { id: 'Siap', en: 'Available' },
  busy: { id: 'Bertugas', en: 'On a run' },
  unavailable: { id: 'Tidak siap', en: 'Not ready' },
  off_shift: { id: 'Tidak dinas', en: 'Off shift' },
}

export const channelWords: Record<string, Words> = {
  app: { id: 'Aplikasi', en: 'App' },
  phone: { id: 'Telepon', en: 'Phone' },
  sms: { id: 'SMS', en: 'SMS' },
  walk_in: { id: 'Datang langsung', en: 'Walk-in' },
  partner: { id: 'Mitra', en: 'Partner' },
}

export const trustWords: Record<string, Words> = {
  verified: { id: 'Terverifikasi', en: 'Verified' },
  unverified: { id: 'Belum terverifikasi', en: 'Unverified' },
  doubtful: { id: 'Diragukan', en: 'Doubtful' },
}

export const disposalWords: Record<string, Words> = {
  prank: { id: 'Iseng', en: 'Prank' },
  silent: { id: 'Tidak ada suara', en: 'Silent' },
  wrong_number: { id: 'Salah sambung', en: 'Wrong number' },
  not_medical: { id: 'Bukan medis', en: 'Not medical' },
  information: { id: 'Minta informasi', en: 'Information' },
  cancelled_by_caller: { id: 'Dibatalkan pemanggil', en: 'Cancelled by caller' },
}

export const callbackWords: Record<string, Words> = {
  answered: { id: 'Dijawab', en: 'Answered' },
  no_answer: { id: 'Tidak dijawab', en: 'No answer' },
  busy: { id: 'Sibuk', en: 'Busy' },
  unreachable: { id: 'Tidak tersambung', en: 'Unreachable' },
}

export const outcomeWords: Record<string, Words> = {
  handed_over: { id: 'Diserahkan ke faskes', en: 'Handed over' },
  treated_on_scene: { id: 'Ditangani di tempat', en: 'Treated on scene' },
  refused: { id: 'Menolak dibawa', en: 'Refused transport' },
  not_found: { id: 'Pasien tidak ditemukan', en: 'Not found' },
  died: { id: 'Meninggal', en: 'Died' },
  referred: { id: 'Dirujuk', en: 'Referred' },
}

export const facilityKindWords: Record<string, Words> = {
  hospital: { id: 'Rumah sakit', en: 'Hospital' },
  puskesmas: { id: 'Puskesmas', en: 'Puskesmas' },
  clinic: { id: 'Klinik', en: 'Clinic' },
}

export const intervalWords: Record<string, Words> = {
  answer: { id: 'Menjawab panggilan', en: 'Answer' },
  confirm: { id: 'Memastikan', en: 'Verdict' },
  assign: { id: 'Menugaskan', en: 'Assign' },
  accept: { id: 'Menerima tugas', en: 'Accept' },
  turnout: { id: 'Berangkat', en: 'Turnout' },
  travel: { id: 'Perjalanan', en: 'Travel' },
  response: { id: 'Tiba di lokasi', en: 'Response' },
  to_patient: { id: 'Sampai di pasien (janji 10 menit)', en: 'At the patient (10-minute promise)' },
  scene: { id: 'Di lokasi', en: 'On scene' },
  transport: { id: 'Membawa pasien', en: 'Transport' },
  handover: { id: 'Serah terima', en: 'Handover' },
  total: { id: 'Seluruh kasus', en: 'Whole case' },
}
