// What both sides are asked: the same thing, each at its own address and in its own form of answer.
import type { Account } from './accounts.ts'

export interface Statement {
  readonly text: string
  readonly parameters: readonly (string | number)[]
}

/** A request: GET, or POST with a body, which is sent as JSON. */
export interface PathAsk {
  readonly path: string
  readonly body?: object
  /** Whose credentials go with it: a user's who is signed in on this side, or the operators'. */
  readonly as?: Account | 'operator'
  /** The body is this account's refresh token, and the answer has its next one. */
  readonly renews?: Account
}

/** Requests that are sent at once; the answer is the list of theirs, and takes as long as the last one. */
export interface TogetherAsk {
  readonly together: readonly PathAsk[]
}

/** Statements that a service would send to its database, one after the other; the answer is the last one's. */
export interface StatementAsk {
  readonly statements: readonly Statement[]
}

export type Ask = PathAsk | TogetherAsk | StatementAsk

export interface Question {
  /** No other question's. */
  readonly name: string
  readonly before: Ask
  readonly after: Ask
  readonly dataBefore: DataOf
  readonly dataAfter: DataOf
}

/**
 * The data in an answer, in a form that's the same for both sides. What comes from outside is taken for what it should be, so each has a parameter type of its own:
 * whether it's the same on both sides is what's checked.
 */
export type DataOf = (answer: never) => unknown

/** Which of the two services. */
export type SideName = 'before' | 'after'

/** The same on both sides. */
export function sameQuestion(
  name: string,
  ask: PathAsk | TogetherAsk,
  dataBefore: DataOf,
  dataAfter: DataOf,
): Question {
  return { name, before: ask, after: ask, dataBefore, dataAfter }
}

/** The same path on both sides. */
export function pathQuestion(path: string, dataBefore: DataOf, dataAfter: DataOf): Question {
  return sameQuestion(path, { path }, dataBefore, dataAfter)
}

/** The same path on both sides; ours lets operators in, and no strangers. */
export function operatorQuestion(path: string, dataBefore: DataOf, dataAfter: DataOf): Question {
  return { ...pathQuestion(path, dataBefore, dataAfter), after: { path, as: 'operator' } }
}
