// What both sides are asked: the same thing, each at its own address and in its own form of answer.

export interface Statement {
  readonly text: string
  readonly parameters: readonly (string | number)[]
}

/** A request: GET, or POST with a body, which is sent as JSON. */
export interface PathAsk {
  readonly path: string
  readonly body?: object
}

/** Statements that a service would send to its database, one after the other; the answer is the last one's. */
export interface StatementAsk {
  readonly statements: readonly Statement[]
}

export type Ask = PathAsk | StatementAsk

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

/** The same path on both sides. */
export function pathQuestion(path: string, dataBefore: DataOf, dataAfter: DataOf): Question {
  return { name: path, before: { path }, after: { path }, dataBefore, dataAfter }
}
