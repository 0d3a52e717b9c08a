/** The question tree as the form walks it: what was asked, what comes next, which colour follows. */

import type { QuestionTree, Triage } from '../state/api'

export type Answers = Record<string, boolean>
type Question = QuestionTree['questions'][string]

export interface Walk {
  asked: { question: Question; yes: boolean }[]
  next: Question | undefined
  colour: Triage | undefined
}

/** Follow the answers from the first question; answers off the path are left out of it. */
export function walk(tree: QuestionTree, answers: Answers): Walk {
  const asked: Walk['asked'] = []
  let at: string = tree.first
  for (let step = 0; step <= Object.keys(tree.questions).length; step += 1) {
    const question = tree.questions[at]
    if (question === undefined) return { asked, next: undefined, colour: at as Triage }
    const yes = answers[question.key]
    if (yes === undefined) return { asked, next: question, colour: undefined }
    asked.push({ question, yes })
    at = yes ? question.yes : question.no
  }
  return { asked, next: undefined, colour: undefined }
}

/** The answers that led here, as they are recorded. */
export function recorded(found: Walk): Answers | null {
  if (found.asked.length === 0) return null
  return Object.fromEntries(found.asked.map(({ question, yes }) => [question.key, yes]))
}
