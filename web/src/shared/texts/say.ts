/** What a page says, in the language that it is set to. */

import { speech, type Words } from './language.svelte'

/** Indonesian or English, as the page is set. */
export function say(id: string, en: string): string {
  return speech.say({ id, en })
}

/** The word for a code; an unknown code is shown as it is rather than hidden. */
export function word(words: Record<string, Words>, code: string | null | undefined): string {
  if (code === null || code === undefined) return ''
  const found = words[code]
  return found ? speech.say(found) : code.replaceAll('_', ' ')
}
