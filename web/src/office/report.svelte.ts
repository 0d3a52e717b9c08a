/** What was asked for and what came back: the report, one interval's course, and the address that names them. */

import { answer, problemOf, type Client, type Problem } from '$shared/api/client'
import { length, type Period } from './period'
import type { Course, Report, Step, Triage } from './words'

export interface Choice extends Period {
  district: string
  triage: Triage | ''
}

const TRIAGES = ['red', 'yellow', 'green', 'black']
/** Beyond so many days a point stands for a week, unless the reader chooses. */
const DAYS_SHOWN_SINGLY = 45

export class ReportDesk {
  choice = $state<Choice>({ from: '', to: '', district: '', triage: '' })
  interval = $state('to_patient')
  chosenStep = $state<Step | undefined>(undefined)
  report = $state.raw<Report | undefined>(undefined)
  course = $state.raw<Course | undefined>(undefined)
  problem = $state.raw<Problem | undefined>(undefined)
  busy = $state(false)

  private asking: AbortController | undefined

  constructor(private readonly client: Client, fallback: Period) {
    const asked = new URLSearchParams(location.search)
    const triage = asked.get('triage') ?? ''
    this.choice = {
      from: asked.get('from') ?? fallback.from,
      to: asked.get('to') ?? fallback.to,
      district: asked.get('district') ?? '',
      triage: TRIAGES.includes(triage) ? (triage as Triage) : '',
    }
    this.interval = asked.get('interval') ?? 'to_patient'
  }

  get step(): Step {
    return this.chosenStep ?? (length(this.choice) > DAYS_SHOWN_SINGLY ? 'week' : 'day')
  }

  /** The query that asks for what is chosen now. */
  get query(): { from: string; to: string; district?: string; triage?: Triage } {
    const { from, to, district, triage } = this.choice
    return { from, to, ...(district ? { district } : {}), ...(triage ? { triage } : {}) }
  }

  /** Ask for everything that is chosen; a newer question replaces an older one. What is shown stays until then. */
  async ask(): Promise<void> {
    this.asking?.abort()
    const asking = new AbortController()
    this.asking = asking
    this.busy = true
    const query = this.query
    const address = new URLSearchParams({ ...query, interval: this.interval })
    history.replaceState(null, '', `?${address.toString()}${location.hash}`)
    try {
      const [report, course] = await Promise.all([
        answer<Report | string>(this.client.GET('/api/v1/reports/response-times', { params: { query }, signal: asking.signal })),
        answer(this.client.GET('/api/v1/reports/intervals/{interval}', {
          params: { path: { interval: this.interval }, query: { ...query, step: this.step } }, signal: asking.signal,
        })),
      ])
      if (this.asking !== asking) return
      this.report = report as Report
      this.course = course
      this.problem = undefined
    } catch (caught) {
      if (this.asking === asking) this.problem = problemOf(caught)
    } finally {
      if (this.asking === asking) this.busy = false
    }
  }

  /** The same report as a file. */
  async file(format: 'csv' | 'excel_id'): Promise<Blob> {
    const asked = this.client.GET('/api/v1/reports/response-times', {
      params: { query: { ...this.query, format } }, parseAs: 'blob',
    })
    return (await answer(asked as Promise<{ data?: unknown; error?: unknown }>)) as Blob
  }
}
