/** Ids for what a page tells the server: told again after a lost answer, the same thing keeps its id. */
import { makeUuid } from './uuid'

export class Once {
  private what: string | undefined
  private id = ''

  /** The id that was given last. */
  get last(): string {
    return this.id
  }

  /** The id of this telling: the one before's as long as it was not answered and says the same. */
  idFor(what: string): string {
    if (what !== this.what) {
      this.what = what
      this.id = makeUuid()
    }
    return this.id
  }

  /** The server has it: whatever is told next is something new. */
  answered(): void {
    this.what = undefined
  }
}
