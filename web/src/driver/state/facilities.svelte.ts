/** The facilities by road from where the patient is; what was once read stays for the time without signal. */

import { answer, problemOf, type Client, type Problem } from '$shared/api/client'
import type { components } from '$shared/api/schema'
import type { Place } from '$shared/map/types'
import { metres } from '$shared/geometry'

export type Facility = components['schemas']['FacilityByRoad']

const MOVED_M = 500
const RETRY_MS = 10_000

export class Facilities {
  found = $state.raw<Facility[]>([])
  problem = $state.raw<Problem | undefined>(undefined)
  private from: Place | undefined
  private triedAt = -Infinity

  constructor(private readonly client: Client) {}

  near(place: Place): void {
    if (this.from !== undefined && metres(this.from, place) < MOVED_M) return
    if (Date.now() - this.triedAt < RETRY_MS) return
    this.triedAt = Date.now()
    void this.read({ lon: place.lon, lat: place.lat })
  }

  private async read(place: Place): Promise<void> {
    try {
      const query = { ...place, limit: 200 }
      this.found = (await answer(this.client.GET('/api/v1/facilities', { params: { query } }))).facilities
      this.from = place
      this.problem = undefined
    } catch (caught) {
      this.problem = problemOf(caught)
    }
  }
}
