/** What a page keeps on the device. Where the browser forbids it, or there is no room left, it is kept as long as the page is open. */

export type Kept = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>

/** `place` is looked up with every use: where storage is forbidden, the mere mention of it raises. */
export function storageOf(place: () => Storage): Kept {
  /** What found no room; newer than what may stand in the storage. */
  const held = new Map<string, string>()
  return {
    getItem(key) {
      const here = held.get(key)
      if (here !== undefined) return here
      try {
        return place().getItem(key)
      } catch {
        return null
      }
    },
    setItem(key, text) {
      try {
        place().setItem(key, text)
        held.delete(key)
      } catch {
        held.set(key, text)
      }
    },
    removeItem(key) {
      held.delete(key)
      try {
        place().removeItem(key)
      } catch {
        // nothing was ever kept there
      }
    },
  }
}

/** For as long as the device remembers. */
export const device = storageOf(() => localStorage)
/** For as long as the tab is open, through its reloads. */
export const tab = storageOf(() => sessionStorage)
