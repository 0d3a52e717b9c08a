/** Which of the built files a page needs. */

/** Fonts of letters that are not written here: they are fetched when a name needs them. */
const FOREIGN_LETTERS = /-(cyrillic|greek|vietnamese|latin-ext)/

/** The files that `page` needs: a file belongs to it when its name stands in one that does. */
export function shellFiles(page: string, contents: ReadonlyMap<string, string>): string[] {
  const found = new Set<string>([page])
  for (const file of found) {
    const text = contents.get(file) ?? ''
    for (const other of contents.keys()) {
      if (other.startsWith('assets/') && !FOREIGN_LETTERS.test(other) && text.includes(other.slice('assets/'.length))) found.add(other)
    }
  }
  return [...found].sort()
}
