/** The regency's facilities for a form: read once somewhere in the regency is known to ask from. */

import { answer } from '$shared/api/client'
import type { components } from '$shared/api/schema'
import type { Facility, Point } from '../state/api'
import type { Desk } from '../state/desk.svelte'
import { Reading } from '../state/reading.svelte'

export class Facilities {
  private reading = $state.raw<Reading<components['schemas']['FacilitiesByRoad']> | undefined>(undefined)

  constructor(private readonly desk: Desk) {}

  /** Ask, unless that was done before; any place in the regency will do, as the list is shown by name. */
  ask(from: Point | null | undefined): void {
    if (this.reading !== undefined || !from) return
    const query = { lon: from.lon, lat: from.lat, limit: 100 }
    this.reading = new Reading({ ask: () => answer(this.desk.client.GET('/api/v1/facilities', { params: { query } })) })
  }

  get named(): Facility[] {
    return [...(this.reading?.data?.facilities ?? [])].sort((a, b) => a.name.localeCompare(b.name))
  }

  close(): void {
    this.reading?.stop()
  }
}
