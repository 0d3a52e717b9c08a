/** The client of the API: typed by the OpenAPI document, problems as one kind of error. */

import createClient, { type Middleware } from 'openapi-fetch'
import type { paths } from './schema'
import { speech } from '../texts/language.svelte'

export interface ProblemDocument {
  status: number
  code: string
  detail: string
  detail_en: string
  fields?: { field: string; id: string; en: string }[]
  allowed?: string[]
  [extra: string]: unknown
}

/** A refusal by the server, or its absence (status 0), in the words to show. */
export class Problem extends Error {
  constructor(readonly document: ProblemDocument) {
    super(document.detail_en)
  }

  get words(): string {
    return speech.language === 'id' ? this.document.detail : this.document.detail_en
  }

  /** The reason the server gives for one field of a form. */
  field(name: string): string | undefined {
    const found = this.document.fields?.find((f) => f.field === name || f.field.endsWith(`.${name}`))
    return found?.[speech.language]
  }
}

const ABSENT: ProblemDocument = {
  status: 0,
  code: 'absent',
  detail: 'Server tidak terjangkau. Periksa jaringan.',
  detail_en: 'The server cannot be reached. Check the network.',
}

/** What was asked for with a press and got no answer: it may have come through, and stands there until it is pressed again. */
const UNANSWERED: ProblemDocument = {
  ...ABSENT,
  detail: 'Server tidak menjawab: belum tentu berhasil. Isian tetap ada; tekan lagi.',
  detail_en: 'The server did not answer: this may not have gone through. What you typed is still here; press again.',
}

export function problemOf(value: unknown): Problem {
  if (value instanceof Problem) return value
  const document = value as Partial<ProblemDocument> | undefined
  if (typeof document?.code === 'string') return new Problem({ ...ABSENT, ...document })
  return new Problem(ABSENT)
}

/** As `problemOf`, for somebody who waits for what they have pressed: nothing repeats that by itself. */
export function problemOfPress(value: unknown): Problem {
  const problem = problemOf(value)
  return problem.document.code === ABSENT.code ? new Problem(UNANSWERED) : problem
}

export function makeClient(token: () => string | undefined, signedOut: () => void) {
  const client = createClient<paths>({ baseUrl: '/' })
  const middleware: Middleware = {
    onRequest({ request }) {
      const value = token()
      if (value !== undefined) request.headers.set('Authorization', `Bearer ${value}`)
      return request
    },
    onResponse({ response, request }) {
      if (response.status === 401 && !request.url.includes('/sessions/')) signedOut()
      return undefined
    },
    onError({ error }) {
      return error instanceof Problem ? error : new Problem(ABSENT)
    },
  }
  client.use(middleware)
  return client
}

export type Client = ReturnType<typeof makeClient>

/** The data of an answer; raises `Problem` for everything else. */
export async function answer<T>(asked: Promise<{ data?: T; error?: unknown }>): Promise<T> {
  const { data, error } = await asked
  if (error !== undefined) throw problemOf(error)
  return data as T
}
