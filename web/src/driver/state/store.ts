/** What the phone keeps: fixes and steps until the server has them, and who this installation is. */

import { openDB, type DBSchema, type IDBPDatabase } from 'idb'
import { makeUuid } from '$shared/uuid'
import type { DriverDesk, KeptCommand, KeptFix } from './frames'

interface Schema extends DBSchema {
  fixes: { key: number; value: KeptFix }
  /** Steps, and what the crew says of its unit: in one row, for the server hears them in the order they were said. */
  steps: { key: number; value: KeptCommand }
  meta: { key: string; value: string }
}

/** The server takes nothing older. */
const OLDEST_MS = 7 * 24 * 3600 * 1000
/** No shift is longer. */
const OLDEST_DESK_MS = 24 * 3600 * 1000

export class Store {
  private constructor(private readonly db: IDBPDatabase<Schema>, readonly installation: string) {}

  /** The installation's id lives beside the sequence, so that neither outlives the other. */
  static async open(name = 'semar-driver'): Promise<Store> {
    const db = await openDB<Schema>(name, 1, {
      upgrade(fresh) {
        fresh.createObjectStore('fixes', { keyPath: 'seq', autoIncrement: true })
        fresh.createObjectStore('steps', { keyPath: 'n', autoIncrement: true })
        fresh.createObjectStore('meta')
      },
    })
    const tx = db.transaction('meta', 'readwrite')
    const installation = (await tx.store.get('installation')) ?? makeUuid()
    await tx.store.put(installation, 'installation')
    await tx.done
    return new Store(db, installation)
  }

  /** The fixes of this driver that wait; those too old for the server are let go. */
  async fixes(who: string, now = Date.now()): Promise<KeptFix[]> {
    const tx = this.db.transaction('fixes', 'readwrite')
    const mine: KeptFix[] = []
    for (let cursor = await tx.store.openCursor(); cursor !== null; cursor = await cursor.continue()) {
      if (now - Date.parse(cursor.value.at) > OLDEST_MS) await cursor.delete()
      else if (cursor.value.who === who) mine.push(cursor.value)
    }
    await tx.done
    return mine
  }

  /** Keep a fix and return its sequence number, which counts up as long as this installation lives. */
  addFix(fix: KeptFix): Promise<number> {
    return this.db.add('fixes', fix)
  }

  async dropFixes(seqs: readonly number[]): Promise<void> {
    const tx = this.db.transaction('fixes', 'readwrite')
    await Promise.all([...seqs.map((seq) => tx.store.delete(seq)), tx.done])
  }

  /** What this driver has said and the server has not answered, in that order. */
  async steps(who: string): Promise<KeptCommand[]> {
    return (await this.db.getAll('steps')).filter((step) => step.who === who)
  }

  async addStep<C extends KeptCommand>(step: C): Promise<C> {
    const n = await this.db.add('steps', step)
    return { ...step, n }
  }

  async putStep(step: KeptCommand): Promise<void> {
    await this.db.put('steps', step)
  }

  async dropStep(n: number): Promise<void> {
    await this.db.delete('steps', n)
  }

  /** The desk as this driver last saw it, for a page that is opened without signal. */
  async desk(who: string, now = Date.now()): Promise<DriverDesk | undefined> {
    const text = await this.db.get('meta', 'desk')
    const kept = text === undefined ? undefined : (JSON.parse(text) as { who: string; desk: DriverDesk })
    return kept?.who === who && now - Date.parse(kept.desk.at) < OLDEST_DESK_MS ? kept.desk : undefined
  }

  /** Keep the desk while somebody is on duty; off duty nothing about patients stays on the phone. */
  async keepDesk(who: string, desk: DriverDesk): Promise<void> {
    if (desk.aboard == null) await this.db.delete('meta', 'desk')
    // an offer does not wait: whoever opens the page later must not accept what is long gone
    else await this.db.put('meta', JSON.stringify({ who, desk: { ...desk, run: desk.run?.state === 'offered' ? null : desk.run } }), 'desk')
  }

  close(): void {
    this.db.close()
  }
}
