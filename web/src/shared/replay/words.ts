/** What the steps of a case are called, who took them, and by which way. */

import type { Words } from '$shared/texts/language.svelte'
import { roleWords } from '$shared/texts/words'
import type { CaseReplay, ReplayStep } from './replay'

export const stepWords: Record<string, Words> = {
  resident_registered: { id: 'Warga mendaftar', en: 'A resident registered' },
  resident_verified: { id: 'Dukcapil menjawab', en: 'The civil registry answered' },
  call_received: { id: 'Panggilan masuk', en: 'A call came in' },
  call_located: { id: 'Lokasi pemanggil diketahui', en: 'The caller was located' },
  call_taken: { id: 'Panggilan diambil', en: 'The call was taken' },
  call_unanswered: { id: 'Panggilan berdering tanpa diambil', en: 'The call rang without being taken' },
  callback_recorded: { id: 'Ditelepon balik', en: 'Called back' },
  call_cancel_asked: { id: 'Pemanggil minta dibatalkan', en: 'The caller asked to cancel' },
  call_disposed: { id: 'Panggilan diselesaikan', en: 'The call was disposed of' },
  call_reopened: { id: 'Panggilan dibuka lagi', en: 'The call was taken up again' },
  call_linked: { id: 'Panggilan masuk ke kejadian', en: 'The call was linked to the incident' },
  incident_reported: { id: 'Kejadian dicatat', en: 'The incident was entered' },
  incident_confirmed: { id: 'Kejadian dipastikan', en: 'The incident was confirmed' },
  incident_changed: { id: 'Kejadian diperbaiki', en: 'The incident was corrected' },
  incident_waiting: { id: 'Menunggu unit', en: 'Waiting for a unit' },
  unit_found_for_waiting: { id: 'Ada unit siap untuk yang menunggu', en: 'A unit became free for the wait' },
  incident_cancelled: { id: 'Kejadian dibatalkan', en: 'The incident was cancelled' },
  incident_closed: { id: 'Kejadian ditutup', en: 'The incident was closed' },
  patient_added: { id: 'Pasien dicatat', en: 'A patient was entered' },
  patient_changed: { id: 'Data pasien diperbaiki', en: 'A patient was corrected' },
  unit_assigned: { id: 'Unit dikirim', en: 'A unit was sent' },
  offer_unacknowledged: { id: 'Unit belum menjawab', en: 'The unit did not answer' },
  offer_declined: { id: 'Unit menolak', en: 'The unit declined' },
  offer_timed_out: { id: 'Tawaran berakhir tanpa jawaban', en: 'The offer ended unanswered' },
  assignment_stepped: { id: 'Langkah unit', en: 'A step of the unit' },
  assignment_fact_reported: { id: 'Laporan terlambat dari awak', en: 'A late report by the crew' },
  assignment_stood_down: { id: 'Unit dipanggil kembali', en: 'The unit was stood down' },
  stand_down_acknowledged: { id: 'Awak tahu dipanggil kembali', en: 'The crew saw that it was stood down' },
  step_proposed: { id: 'Posisi unit mengusulkan langkah', en: "The unit's position suggests a step" },
  step_proposal_dismissed: { id: 'Usul langkah ditolak', en: 'A suggested step was turned down' },
  patient_handed_over: { id: 'Pasien diserahkan', en: 'The patient was handed over' },
  unit_cleared: { id: 'Unit siap kembali', en: 'The unit was cleared' },
  run_ended_without_transport: { id: 'Selesai tanpa membawa pasien', en: 'Ended without transport' },
  handover_countersigned: { id: 'Faskes menandatangani serah terima', en: 'The facility signed for the handover' },
  facility_accepted: { id: 'Faskes menerima', en: 'The facility accepted' },
  facility_refused: { id: 'Faskes menolak', en: 'The facility refused' },
  destination_changed: { id: 'Tujuan diubah', en: 'Another destination' },
  stamp_corrected: { id: 'Waktu diperbaiki', en: 'A time was corrected' },
  verdict_overdue: { id: 'Alarm: belum diputuskan', en: 'Alarm: no verdict yet' },
  unit_overdue: { id: 'Alarm: masih tanpa unit', en: 'Alarm: still without a unit' },
  manual_unit_unanswered: { id: 'Alarm: unit harus ditelepon', en: 'Alarm: the unit must be phoned' },
  departure_overdue: { id: 'Alarm: belum berangkat', en: 'Alarm: not left yet' },
  cancel_overdue: { id: 'Alarm: permintaan batal belum ditanggapi', en: 'Alarm: a wish to cancel was not answered' },
  handover_overdue: { id: 'Alarm: tertahan di faskes', en: 'Alarm: held up at the facility' },
  countersignature_overdue: { id: 'Alarm: faskes belum menandatangani', en: 'Alarm: the facility has not signed' },
  closure_overdue: { id: 'Alarm: belum ditutup', en: 'Alarm: not closed yet' },
  run_overdue: { id: 'Alarm: langkah unit terlambat', en: 'Alarm: a step of the unit is late' },
  facility_unanswered: { id: 'Alarm: faskes belum menjawab', en: 'Alarm: no answer of the facility' },
  refusal_unheeded: { id: 'Alarm: penolakan faskes belum ditangani', en: 'Alarm: a refusal was not dealt with' },
  notice_shown: { id: 'Awak melihat pemberitahuan', en: "The crew's page showed the notice" },
  notice_pushed: { id: 'Awak diberi tahu lewat push', en: 'The crew was told by push' },
  notice_texted: { id: 'Awak diberi tahu lewat SMS', en: 'The crew was told by SMS' },
  notice_acknowledged: { id: 'Awak membenarkan pemberitahuan', en: 'The crew acknowledged the notice' },
  notice_moot: { id: 'Pemberitahuan tidak berlaku lagi', en: 'The notice became moot' },
  crew_call_due: { id: 'Awak harus ditelepon', en: 'The crew must be phoned' },
  crew_call_taken: { id: 'Operator akan menelepon awak', en: 'An operator will phone the crew' },
  crew_called: { id: 'Awak ditelepon', en: 'The crew was phoned' },
  signal_lost: { id: 'Sinyal unit hilang', en: 'The unit fell silent' },
  signal_back: { id: 'Sinyal unit kembali', en: 'The unit was heard again' },
  paper_case_entered: { id: 'Kasus dari kertas', en: 'The case was kept on paper' },
  paper_stamps_added: { id: 'Jam dari kertas ditambahkan', en: 'Times kept on paper were added' },
  person_erased: { id: 'Data orang dihapus', en: 'A person was erased' },
}

/** Steps that rang at the desk. */
const ALARMS = new Set([
  'call_unanswered', 'incident_waiting', 'unit_found_for_waiting', 'offer_unacknowledged', 'offer_declined', 'offer_timed_out',
  'assignment_fact_reported', 'facility_refused', 'call_cancel_asked', 'message_failed', 'signal_lost', 'crew_call_due', 'refusal_unheeded',
])

export function isAlarm(step: ReplayStep): boolean {
  return ALARMS.has(step.kind) || step.kind.endsWith('_overdue') || step.kind.endsWith('_unanswered')
}

export const messageWayWords: Record<string, Words> = {
  sms: { id: 'SMS', en: 'SMS' },
  push: { id: 'push ke ponsel', en: 'push to a phone' },
  file: { id: 'berkas', en: 'file' },
}

/** What a crew is told with a notice. */
export const noticeWords: Record<string, Words> = {
  offer: { id: 'tawaran', en: 'offer' },
  stand_down: { id: 'dipanggil kembali', en: 'stood down' },
  destination: { id: 'tujuan baru', en: 'another destination' },
}

export const noticeEndWords: Record<string, Words> = {
  acknowledged: { id: 'dibenarkan awak', en: 'acknowledged' },
  phoned: { id: 'lewat telepon', en: 'by phone' },
  moot: { id: 'tidak berlaku lagi', en: 'moot' },
}

/** Who took a step: a name where the log still knows one. */
function whoWords(step: ReplayStep, names: CaseReplay['names']): Words {
  const [kind = '', role = '', id = ''] = step.actor.split(':')
  if (kind === 'staff') {
    const words = (roleWords as Record<string, Words>)[role] ?? { id: role, en: role }
    const name = names.staff[id]
    return name === undefined ? words : { id: `${name} (${words.id})`, en: `${name} (${words.en})` }
  }
  if (kind === 'resident') return { id: 'warga', en: 'resident' }
  if (kind === 'caller') return { id: 'pemanggil', en: 'caller' }
  return { id: 'sistem', en: 'system' }
}

/** Who took a step, and by which way if that says more: a page, a phone's socket, a timer of the system. */
export function byWords(step: ReplayStep, names: CaseReplay['names']): Words {
  const [who, way] = [whoWords(step, names), wayWords(step)]
  return way === undefined ? who : { id: `${who.id}, ${way.id}`, en: `${who.en}, ${way.en}` }
}

function wayWords(step: ReplayStep): Words | undefined {
  if (step.cause.startsWith('http')) return { id: 'lewat halaman', en: 'through a page' }
  if (step.cause.startsWith('timer')) return { id: 'oleh pengatur waktu', en: 'by a timer' }
  if (step.cause.includes('driver') || step.cause.startsWith('ws')) return { id: 'lewat aplikasi awak', en: "through the crew's app" }
  return undefined
}
