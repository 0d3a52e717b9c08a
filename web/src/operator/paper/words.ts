/** What paper mode calls the codes of the API. */

import type { WordsOf } from '$shared/texts/words'

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
