/** What the phone rings for. Whoever has answered is not rung for again: without signal the server's word never comes. */

import type { DriverDesk, RunSheet, Slip } from './frames'

/** The states in which the page says that the destination was changed: what rings must be there to be answered. */
const ON_LEG = new Set(['left_scene', 'at_facility'])

/** Everything that wants the crew's answer now, each by a name of its own. */
export function causesOf(desk: DriverDesk | undefined, run: RunSheet | undefined, slip: Slip | undefined): string[] {
  return [
    ...(run?.state === 'offered' ? [run.assignment_id] : []),
    ...(desk?.stood_down ?? []).map(stoodDown),
    ...(run !== undefined && slip !== undefined && ON_LEG.has(run.state) ? [slip.id] : []),
  ]
}

/** The cause that a run was called back: not the one that it was offered. */
export function stoodDown(assignmentId: string): string {
  return `stood down ${assignmentId}`
}

export class Rings {
  private heard = $state.raw<readonly string[]>([])

  /** The crew has answered these; whether the server knows is said beside the button. */
  hear(causes: readonly string[]): void {
    this.heard = [...this.heard, ...causes]
  }

  /** Whether one of them was not answered yet. */
  sound(causes: readonly string[]): boolean {
    return causes.some((cause) => !this.heard.includes(cause))
  }
}
