/** What every part of the console reaches for: the desk, what it has before it, the map's question, the drafts, the roads, past cases. */

import { createContext } from 'svelte'
import type { Session } from '$shared/session.svelte'
import type { PastBook } from '$shared/replay/past.svelte'
import type { RoadBook } from '../roads/book.svelte'
import type { Desk } from './desk.svelte'
import type { Drafts } from './kept.svelte'
import type { Picking } from './picking.svelte'
import type { DeskPlace } from './place.svelte'
import type { Sound } from './sound.svelte'

export interface Console {
  desk: Desk
  place: DeskPlace
  picking: Picking
  drafts: Drafts
  roads: RoadBook
  past: PastBook
  sound: Sound
  session: Session
}

export const [useConsole, provideConsole] = createContext<Console>()
