/** What paper mode calls the codes of the API. */

import { say, word } from '$shared/texts/say'
import { stampWords, type WordsOf } from '$shared/texts/words'
import type { Wrong } from './form'

export const gapWords: WordsOf<'PaperGap'> = {
  not_written: { id: 'Tidak ditulis', en: 'Not written' },
  illegible: { id: 'Tidak terbaca', en: 'Illegible' },
  not_known: { id: 'Tidak diketahui', en: 'Not known' },
  not_done: { id: 'Langkah itu tidak ada', en: 'It did not happen' },
}

export const endWords: WordsOf<'PaperEnd'> = {
  cleared: { id: 'Selesai, pasien diserahkan', en: 'Done, patient handed over' },
  completed_without_transport: { id: 'Selesai tanpa membawa pasien', en: 'Ended without transport' },
  stood_down: { id: 'Dipanggil kembali', en: 'Stood down' },
}

/** What the page finds wrong by itself, by the name of the time. */
export function wrongWords(found: Wrong | undefined): Partial<Record<string, string>> {
  if (found === undefined) return {}
  return {
    [found.name]: found.before === undefined ? say('belum terjadi', 'still to come')
      : say(`mendahului "${word(stampWords, found.before)}"`, `before "${word(stampWords, found.before)}"`),
  }
}
