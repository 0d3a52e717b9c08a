/** Which events of the log are alarms, what they say, and for how long they are true. */

import type { Words } from '$shared/texts/language.svelte'
import { declineWords, refusalWords, stateWords } from '$shared/texts/words'
import type { Board, EventView, IncidentRow, RunView } from './api'
import { openRuns } from './timers'

export interface AlarmNote {
  /** Alarms about the same thing replace each other. */
  key: string
  seq: number
  /** When it was recorded, ms: goes on also where numbers of a log that was restored are given again. */
  recordedAt: number
  kind: string
  at: string
  subjectId: string
  incidentId: string | undefined
  /** Somebody is left without help: shown first and in red. */
  grave: boolean
  data: Record<string, unknown>
}

interface Rule {
  grave?: boolean
  /** Alarms of one group about the same subject replace each other. */
  group?: string
  /** `sign` is the unit of the event; `free` the one that became free for a waiting incident, while it still is. */
  words: (data: Record<string, unknown>, sign: string, free: string | undefined) => Words
  /** Whether the board still shows what the alarm is about; absent: until somebody has seen it. */
  holds?: (note: AlarmNote, board: Board) => boolean
  only?: (data: Record<string, unknown>) => boolean
}

/** Stands for a unit that is not known. */
const NOBODY = 'Unit'

/** The words for a code of an event; undefined when the table has none. */
const at = (words: Record<string, Words>, code: unknown): Words | undefined => words[String(code)]
/** The day's running number: the queue shows incidents by it. */
const number = (data: Record<string, unknown>): string => String(data.number ?? '').split('-').at(-1) ?? ''
/** The incident in brackets, for alarms that are about something of it. */
const of = (data: Record<string, unknown>): string => (data.number === undefined ? '' : ` (${number(data)})`)
const freeWords = (free: string | undefined): Words =>
  free === undefined ? { id: '', en: '' } : { id: `; ${free} siap`, en: `; ${free} is free` }
const waiting = (note: AlarmNote, board: Board): boolean => incident(note, board)?.waiting_since != null
const stillOpen = (note: AlarmNote, board: Board): boolean => incident(note, board) !== undefined
const runIn = (...states: string[]) => (note: AlarmNote, board: Board): boolean =>
  states.includes(run(note, board)?.state ?? '')
/** An offer nobody answers, while it is not a call yet that the desk is asked to make: that one stands above the alarms. */
const unanswered = (note: AlarmNote, board: Board): boolean =>
  runIn('offered')(note, board) && !board.crew_calls.some((call) => call.assignment_id === note.subjectId)

function incident(note: AlarmNote, board: Board): IncidentRow | undefined {
  return board.incidents.find((i) => i.id === (note.incidentId ?? note.subjectId))
}

/** The incident that an alarm leads to; of a message, that whose crew it was meant for. */
export function leadsTo(note: AlarmNote, board: Board): IncidentRow | undefined {
  return incident(note, board) ?? board.incidents.find((i) => i.runs.some((r) => meant(note, r)))
}

function meant(note: AlarmNote, run: RunView): boolean {
  return note.kind === 'message_failed' && run.notices.some((notice) => notice.id === note.data.subject_id)
}

function run(note: AlarmNote, board: Board): RunView | undefined {
  return incident(note, board)?.runs.find((r) => r.id === note.subjectId)
}

function leg(note: AlarmNote, board: Board, ...states: string[]): RunView['legs'][number] | undefined {
  const runs = incident(note, board)?.runs.filter((r) => r.released_at === null) ?? []
  return runs.flatMap((r) => r.legs).find((one) => one.id === note.subjectId && ['transporting', ...states].includes(one.state))
}

/** What a run does too long, by its state. */
const overdueWords: Record<string, Words> = {
  en_route: { id: 'belum tiba di lokasi', en: 'has not arrived at the scene' },
  staged: { id: 'lama menunggu di jarak aman', en: 'has been staged for long' },
  on_scene: { id: 'belum bersama pasien', en: 'is not with the patient yet' },
  at_patient: { id: 'lama di lokasi', en: 'has been on the scene for long' },
  left_scene: { id: 'belum tiba di faskes', en: 'has not arrived at the facility' },
  handed_over: { id: 'belum siap kembali', en: 'is not back in service' },
}

/** An offer failed and nobody else has answered yet. */
function nobodyComes(note: AlarmNote, board: Board): boolean {
  const found = incident(note, board)
  return found !== undefined && openRuns(found).every((r) => r.state === 'offered')
}

const RULES: Record<string, Rule> = {
  call_unanswered: {
    grave: true,
    words: (d) => {
      const s = Number(d.waited_s ?? 0)
      return { id: `Panggilan berdering ${s} detik tanpa diambil`, en: `A call has rung ${s} s without being taken` }
    },
    holds: (note, board) => board.calls.some((c) => c.id === note.subjectId && c.state === 'ringing'),
  },
  verdict_overdue: {
    words: (d) => ({
      id: `${number(d) ? `Kejadian ${number(d)}` : 'Panggilan'} belum diputuskan`,
      en: `${number(d) ? `Incident ${number(d)}` : 'A call'} has no verdict yet`,
    }),
    holds: (note, board) => board.calls.some((c) => c.id === note.subjectId && c.state === 'taken')
      || incident(note, board)?.state === 'reported',
  },
  call_cancel_asked: {
    group: 'cancel',
    words: (d) => ({ id: `Pemanggil minta dibatalkan${of(d)}`, en: `The caller asks to cancel${of(d)}` }),
    holds: (note, board) => board.calls.some((c) => c.id === note.subjectId) || stillOpen(note, board),
  },
  cancel_overdue: {
    group: 'cancel',
    words: (d) => ({
      id: `Pemanggil minta dibatalkan${of(d)}, belum ditanggapi: telepon balik`,
      en: `The caller asks to cancel${of(d)}, nobody has answered: call back`,
    }),
    holds: stillOpen,
  },
  return_overdue: {
    words: (d, sign) => d.expected_until === null
      ? { id: `${sign} sudah lama tidak siap`, en: `${sign} has been out of service for long` }
      : { id: `${sign} belum siap lagi, sudah lewat waktunya`, en: `${sign} is not back in service, its time has passed` },
    holds: (note, board) => board.units.some((u) => u.id === note.data.unit_id && u.unavailable_reason !== null),
  },
  incident_waiting: {
    grave: true, group: 'waiting', holds: waiting,
    words: (d, _, free) => ({
      id: `Kejadian ${number(d)} menunggu unit${freeWords(free).id}`, en: `Incident ${number(d)} waits for a unit${freeWords(free).en}`,
    }),
  },
  unit_overdue: {
    grave: true, group: 'waiting', holds: waiting,
    words: (d, _, free) => ({
      id: `Kejadian ${number(d)} masih tanpa unit${freeWords(free).id}`, en: `Incident ${number(d)} still has no unit${freeWords(free).en}`,
    }),
  },
  unit_found_for_waiting: {
    grave: true, group: 'waiting', holds: waiting,
    words: (d, _, free) => free === undefined
      ? { id: `Kejadian ${number(d)} menunggu unit`, en: `Incident ${number(d)} waits for a unit` }
      : {
        id: `${free} kini siap untuk ${number(d)}${d.suits === false ? ' (perlengkapan kurang)' : ''}`,
        en: `${free} is free for ${number(d)} now${d.suits === false ? ' (less equipped)' : ''}`,
      },
  },
  offer_unacknowledged: {
    grave: true, group: 'offer', holds: unanswered,
    words: (d, sign) => ({ id: `${sign} tidak menjawab tawaran (${number(d)})`, en: `${sign} does not answer (${number(d)})` }),
  },
  manual_unit_unanswered: {
    grave: true, group: 'offer', holds: unanswered,
    words: (d, sign) => ({ id: `Telepon ${sign}: belum menjawab (${number(d)})`, en: `Phone ${sign}: no answer yet (${number(d)})` }),
  },
  offer_declined: {
    grave: true, group: 'offer', holds: nobodyComes,
    words: (d, sign) => {
      const why = at(declineWords, d.reason)
      return { id: `${sign} menolak ${number(d)}: ${why?.id ?? d.reason}`, en: `${sign} declined ${number(d)}: ${why?.en ?? d.reason}` }
    },
  },
  offer_timed_out: {
    grave: true, group: 'offer', holds: nobodyComes,
    words: (d, sign) => ({ id: `${sign} tidak menjawab; tawaran ${number(d)} berakhir`, en: `${sign} never answered; offer for ${number(d)} ended` }),
  },
  unit_assigned: {
    group: 'widened', only: (d) => d.origin === 'widened', holds: runIn('offered'),
    words: (d) => ({ id: `${String(d.call_sign)} ikut disiagakan untuk ${number(d)}`, en: `${String(d.call_sign)} is alerted too for ${number(d)}` }),
  },
  departure_overdue: {
    grave: true, holds: runIn('accepted'),
    words: (d, sign) => ({ id: `${sign} belum berangkat (${number(d)})`, en: `${sign} has not left yet (${number(d)})` }),
  },
  run_overdue: {
    holds: (note, board) => runIn(String(note.data.state))(note, board),
    words: (d, sign) => {
      const what = overdueWords[String(d.state)] ?? { id: 'terlalu lama', en: 'takes too long' }
      return { id: `${sign} ${what.id} (${number(d)})`, en: `${sign} ${what.en} (${number(d)})` }
    },
  },
  facility_unanswered: {
    words: (d, sign) => ({ id: `Faskes belum menjawab untuk ${sign}${of(d)}: telepon`, en: `The facility has not answered for ${sign}${of(d)}: phone it` }),
    holds: (note, board) => leg(note, board)?.answer === null,
  },
  refusal_unheeded: {
    grave: true, group: 'facility_refused',
    words: (d, sign) => {
      if (d.closed === true) return { id: `${sign} masih menuju faskes yang tutup${of(d)}`, en: `${sign} still drives to a facility that is closed${of(d)}` }
      if (d.at_facility === true) return { id: `${sign} ditolak di pintu faskes${of(d)}: cari tujuan lain`, en: `${sign} was refused at the facility's door${of(d)}: find another` }
      return { id: `${sign} masih menuju faskes yang menolak${of(d)}`, en: `${sign} still drives to a facility that refused${of(d)}` }
    },
    holds: (note, board) => note.data.closed === true
      ? leg(note, board, 'planned')?.facility_id === note.data.facility_id
      : leg(note, board, 'at_facility')?.answer === 'refused',
  },
  signal_lost: {
    grave: true, only: (d) => d.on_run === true,
    words: (d, sign) => ({ id: `${sign} hilang sinyal saat bertugas`, en: `${sign} lost its signal on a run` }),
    holds: (note, board) => board.units.some((u) => u.id === note.data.unit_id && u.status === 'busy'),
  },
  crew_call_due: {
    grave: true,
    words: (d, sign) => ({ id: `Telepon awak ${sign}${of(d)}: belum menjawab`, en: `Phone the crew of ${sign}${of(d)}: no answer yet` }),
    holds: (note, board) => board.crew_calls.some((call) => call.notice_id === note.subjectId),
  },
  handover_overdue: {
    holds: runIn('at_facility'),
    words: (d, sign) => ({ id: `${sign} tertahan di faskes (${number(d)})`, en: `${sign} is held up at the facility (${number(d)})` }),
  },
  facility_refused: {
    grave: true,
    words: (d) => {
      const why = at(refusalWords, d.reason)
      return { id: `Faskes menolak pasien${of(d)}: ${why?.id ?? '-'}`, en: `The facility refused the patient${of(d)}: ${why?.en ?? '-'}` }
    },
    holds: (note, board) => incident(note, board)?.runs.some(
      (r) => r.released_at === null && r.legs.some(
        // taken elsewhere, the patient is not theirs to refuse any more
        (leg) => leg.id === note.subjectId && leg.answer === 'refused' && leg.state !== 'diverted',
      ),
    ) ?? false,
  },
  countersignature_overdue: {
    words: (d) => ({ id: `Faskes belum menandatangani serah terima${of(d)}`, en: `The facility has not signed for the handover${of(d)}` }),
  },
  closure_overdue: {
    words: (d) => ({ id: `Kejadian ${number(d)}: semua unit selesai, belum ditutup`, en: `Incident ${number(d)}: all units done, not closed yet` }),
    holds: (note, board) => {
      const found = incident(note, board)
      return found !== undefined && openRuns(found).length === 0
    },
  },
  assignment_fact_reported: {
    words: (d) => {
      const step = at(stateWords, d.step)
      return { id: `Laporan terlambat dari awak${of(d)}: ${step?.id ?? d.step}`, en: `Late report by a crew${of(d)}: ${step?.en ?? d.step}` }
    },
    holds: stillOpen,
  },
  message_failed: {
    words: (d, sign) => sign === NOBODY
      ? { id: 'Pesan tidak terkirim', en: 'A message could not be sent' }
      : { id: `Pesan ke ${sign} tidak terkirim${of(d)}: telepon awaknya`, en: `A message to ${sign} could not be sent${of(d)}: phone its crew` },
  },
  paper_failed: {
    words: (d) => ({ id: `Papan kertas tidak tertulis: ${String(d.trouble)}`, en: `The paper board is not written: ${String(d.trouble)}` }),
  },
  timer_failing: {
    words: () => ({
      id: 'Pengingat sistem bermasalah: awasi sendiri yang menunggu, hubungi petugas TI',
      en: 'A system timer keeps failing: watch what waits yourself, call the IT officer',
    }),
  },
}

/** The alarm that an event is; undefined for all others. */
export function alarmOf(event: EventView): AlarmNote | undefined {
  const rule = RULES[event.kind]
  if (rule === undefined || rule.only?.(event.data) === false) return undefined
  return {
    key: `${rule.group ?? event.kind}:${event.subject_id}`,
    seq: event.seq,
    recordedAt: Date.parse(event.recorded_at),
    kind: event.kind,
    at: event.occurred_at,
    subjectId: event.subject_id,
    incidentId: event.incident_id ?? undefined,
    grave: rule.grave ?? false,
    data: event.data,
  }
}

export function alarmHolds(note: AlarmNote, board: Board): boolean {
  return RULES[note.kind]?.holds?.(note, board) ?? true
}

export function alarmWords(note: AlarmNote, board: Board): Words {
  const unit = board.units.find((u) => u.id === note.data.unit_id)
  const about = leadsTo(note, board)
  const sign = unit?.call_sign ?? about?.runs.find((r) => meant(note, r))?.call_sign ?? NOBODY
  const data = about === undefined ? note.data : { number: about.number, ...note.data }
  const free = board.units.find((u) => u.call_sign === note.data.call_sign && u.status === 'available')
  return RULES[note.kind]?.words(data, sign, free?.call_sign) ?? { id: note.kind, en: note.kind }
}

/** A later alarm about the same thing keeps what the earlier one knew. */
export function following(note: AlarmNote, before: AlarmNote | undefined): AlarmNote {
  return before === undefined ? note : { ...note, data: { ...before.data, ...note.data } }
}
