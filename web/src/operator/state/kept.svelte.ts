/** Forms half filled: kept while another case is looked at, and through a reload of the page. */

import { tab } from '$shared/storage'

export class Drafts {
  private readonly kept = new Map<string, unknown>()

  /** The draft under this name: as it was left, or made anew. Changes are written down by `save`. */
  open<T extends object>(name: string, blank: () => T): T {
    if (!this.kept.has(name)) {
      const text = tab.getItem(`semar.draft.${name}`)
      const draft = $state({ ...blank(), ...(text === null ? {} : (JSON.parse(text) as Partial<T>)) })
      this.kept.set(name, draft)
    }
    return this.kept.get(name) as T
  }

  /** A draft that was begun, also before a reload; undefined when there is none. */
  look<T extends object>(name: string): T | undefined {
    const text = tab.getItem(`semar.draft.${name}`)
    return (this.kept.get(name) as T | undefined) ?? (text === null ? undefined : (JSON.parse(text) as T))
  }

  save(name: string): void {
    const draft = this.kept.get(name)
    if (draft !== undefined) tab.setItem(`semar.draft.${name}`, JSON.stringify(draft))
  }

  drop(name: string): void {
    this.kept.delete(name)
    tab.removeItem(`semar.draft.${name}`)
  }
}
