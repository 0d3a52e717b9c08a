/** A caller on the telephone, as far as typed: kept on the page until the server has it. */

import type { Chosen } from '../state/api'

export const ENTRY = 'entry'
export const ENTRY_CHANNELS = ['phone', 'walk_in', 'sms', 'partner'] as const

export interface EntryDraft {
  id: string
  channel: (typeof ENTRY_CHANNELS)[number]
  name: string
  phone: string
  note: string
  place: Chosen | null
}

/** Whom an unsaved entry is about, by what was typed first; undefined when nothing was. */
export function aboutEntry(draft: EntryDraft | undefined): string | undefined {
  if (draft === undefined) return undefined
  const typed = [draft.name, draft.phone, draft.note].map((text) => text.trim()).find((text) => text !== '')
  return typed ?? (draft.place === null ? undefined : '…')
}
