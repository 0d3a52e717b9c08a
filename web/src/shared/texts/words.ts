/** What the codes of the API are called on the pages. A member that a list lacks does not pass the type check. */

import type { components } from '../api/schema'
import type { Words } from './language.svelte'

type Schemas = components['schemas']
/** A word for every member of one of the API's enums. */
export type WordsOf<Name extends keyof Schemas> = Record<Extract<Schemas[Name], string>, Words>

/** The words for a code; one that the table lacks is shown as it is rather than hidden. */
export function called(table: Record<string, Words>, code: string): Words {
  const bare = code.replaceAll('_', ' ')
  return table[code] ?? { id: bare, en: bare }
}

export const triageWords: WordsOf<'Triage'> & Record<'unjudged', Words> = {
  red: { id: 'Merah', en: 'Red' },
  yellow: { id: 'Kuning', en: 'Yellow' },
  green: { id: 'Hijau', en: 'Green' },
  black: { id: 'Hitam', en: 'Black' },
  unjudged: { id: 'Belum dinilai', en: 'Not judged' },
}

export const roleWords: WordsOf<'Role'> = {
  operator: { id: 'operator', en: 'operator' },
  driver: { id: 'pengemudi', en: 'driver' },
  facility: { id: 'faskes', en: 'facility' },
  health_office: { id: 'dinas kesehatan', en: 'health office' },
  auditor: { id: 'auditor', en: 'auditor' },
  admin: { id: 'administrator', en: 'administrator' },
}

export const stateWords: WordsOf<'AssignmentState'> = {
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
  stood_down: { id: 'Dipanggil kembali', en: 'Stood down' },
  diverted: { id: 'Dialihkan', en: 'Diverted' },
  completed_without_transport: { id: 'Selesai tanpa membawa pasien', en: 'Ended without transport' },
}

/** What a button says that moves a run to a state. */
export const moveWords: Partial<WordsOf<'AssignmentState'>> = {
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
  stood_down: { id: 'Panggil kembali', en: 'Stand down' },
}

export const unitStatusWords: WordsOf<'UnitStatus'> = {
  available: { id: 'Siap', en: 'Available' },
  busy: { id: 'Bertugas', en: 'On a run' },
  unavailable: { id: 'Tidak siap', en: 'Not ready' },
  off_shift: { id: 'Tidak dinas', en: 'Off shift' },
}

export const channelWords: WordsOf<'Channel'> = {
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

export const disposalWords: WordsOf<'Disposal'> = {
  prank: { id: 'Iseng', en: 'Prank' },
  silent: { id: 'Tidak ada suara', en: 'Silent' },
  wrong_number: { id: 'Salah sambung', en: 'Wrong number' },
  not_medical: { id: 'Bukan medis', en: 'Not medical' },
  information: { id: 'Minta informasi', en: 'Information' },
  cancelled_by_caller: { id: 'Dibatalkan pemanggil', en: 'Cancelled by caller' },
}

export const callbackWords: WordsOf<'CallbackOutcome'> = {
  answered: { id: 'Dijawab', en: 'Answered' },
  no_answer: { id: 'Tidak dijawab', en: 'No answer' },
  busy: { id: 'Sibuk', en: 'Busy' },
  unreachable: { id: 'Tidak tersambung', en: 'Unreachable' },
}

export const outcomeWords: WordsOf<'Outcome'> = {
  handed_over: { id: 'Diserahkan ke faskes', en: 'Handed over' },
  treated_on_scene: { id: 'Ditangani di tempat', en: 'Treated on scene' },
  refused: { id: 'Menolak dibawa', en: 'Refused transport' },
  not_found: { id: 'Pasien tidak ditemukan', en: 'Not found' },
  died: { id: 'Meninggal', en: 'Died' },
  referred: { id: 'Dirujuk', en: 'Referred' },
}

export const facilityKindWords: WordsOf<'FacilityKind'> = {
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

export const unavailabilityWords: WordsOf<'UnavailabilityReason'> = {
  breakdown: { id: 'Rusak', en: 'Breakdown' },
  fuel: { id: 'Isi bahan bakar', en: 'Refuelling' },
  cleaning: { id: 'Dibersihkan', en: 'Cleaning' },
  rest: { id: 'Istirahat', en: 'Rest' },
  failed_check: { id: 'Gagal pemeriksaan', en: 'Failed check' },
  other: { id: 'Lainnya', en: 'Other' },
}

export const declineWords: WordsOf<'DeclineReason'> = {
  vehicle: { id: 'Kendaraan bermasalah', en: 'Vehicle trouble' },
  crew: { id: 'Awak tidak lengkap', en: 'Crew incomplete' },
  too_far: { id: 'Terlalu jauh', en: 'Too far' },
  unsafe: { id: 'Tidak aman', en: 'Unsafe' },
  other: { id: 'Alasan lain', en: 'Another reason' },
}

export const noTransportWords: WordsOf<'NoTransport'> = {
  treated_on_scene: { id: 'Ditangani di tempat', en: 'Treated on scene' },
  refused: { id: 'Pasien menolak dibawa', en: 'Patient refused transport' },
  not_found: { id: 'Pasien tidak ditemukan', en: 'Patient not found' },
  died: { id: 'Meninggal di tempat', en: 'Died on scene' },
  referred: { id: 'Dialihkan ke layanan lain', en: 'Referred elsewhere' },
}

export const refusalWords: WordsOf<'RefusalReason'> = {
  no_bed: { id: 'Tidak ada tempat tidur', en: 'No bed' },
  no_staff: { id: 'Tidak ada petugas', en: 'No staff' },
  no_equipment: { id: 'Tidak ada alat', en: 'No equipment' },
  closed: { id: 'IGD ditutup', en: 'Department closed' },
  other: { id: 'Alasan lain', en: 'Other reason' },
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

export const verificationWords: Record<string, Words> = {
  match: { id: 'KTP cocok', en: 'ID card matches' },
  mismatch: { id: 'KTP tidak cocok', en: 'ID card does not match' },
  not_found: { id: 'NIK tidak ditemukan', en: 'ID number not found' },
  unavailable: { id: 'Dukcapil tidak menjawab', en: 'Registry did not answer' },
}

export const roadReasonWords: WordsOf<'RoadChangeReason'> = {
  flood: { id: 'Banjir', en: 'Flood' },
  landslide: { id: 'Longsor', en: 'Landslide' },
  fallen_tree: { id: 'Pohon tumbang', en: 'Fallen tree' },
  broken_bridge: { id: 'Jembatan rusak', en: 'Broken bridge' },
  accident: { id: 'Kecelakaan', en: 'Accident' },
  works: { id: 'Pekerjaan jalan', en: 'Road works' },
  event: { id: 'Acara atau pasar', en: 'Event or market' },
  congestion: { id: 'Macet', en: 'Congestion' },
  other: { id: 'Lainnya', en: 'Other' },
}
