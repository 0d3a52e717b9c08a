/** What the server says of a regency's map, asked for until it answers. */

import type { MapInfo } from './types'

const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 15_000

export async function readMapInfo(slug: string, signal: AbortSignal, onAbsent: () => void): Promise<MapInfo> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const response = await fetch(`/api/v1/map/${encodeURIComponent(slug)}`, { signal })
      if (response.ok) return (await response.json()) as MapInfo
    } catch (caught) {
      if (signal.aborted) throw caught
    }
    onAbsent()
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt) * (0.5 + Math.random() / 2)
    await new Promise((resolve) => setTimeout(resolve, wait))
    signal.throwIfAborted()
  }
}

/** The address of the tiles on this server; MapLibre's worker needs it whole. */
export function tileAddress(info: MapInfo): string {
  return `${location.origin}${info.tiles}`
}
