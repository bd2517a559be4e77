// Whether both sides answer a question with the same data. A figure of a wrong answer is worth nothing, so the first difference ends the run.
//
// The data of whoever answers first is what every later answer has to hold, in the run as before it. A text that was right once is right again: so the check costs
// a comparison of texts in the run.
import { isDeepStrictEqual } from 'node:util'
import type { Question, SideName } from './question.ts'

const SHOWN_CHARACTERS = 400

export class Answers {
  readonly #data = new Map<string, unknown>()
  readonly #right = new Map<string, string>()

  /** @throws Error when it holds other data than the answers to this question before it, or none */
  check(question: Question, side: SideName, text: string): void {
    const key = `${side} ${question.name}`
    if (this.#right.get(key) === text) return
    const dataOf = side === 'before' ? question.dataBefore : question.dataAfter
    const data = dataOf(JSON.parse(text) as never)
    if (data === undefined || data === null || (Array.isArray(data) && data.length === 0)) {
      throw new Error(`${question.name}: the answer ${side} holds nothing: ${text.slice(0, SHOWN_CHARACTERS)}`)
    }
    if (!this.#data.has(question.name)) this.#data.set(question.name, data)
    const expected = this.#data.get(question.name)
    if (!isDeepStrictEqual(data, expected)) {
      throw new Error(`${question.name}: ${side} answers something else: ${firstDifference(data, expected)}`)
    }
    this.#right.set(key, text)
  }
}

/** Where two values differ first, as a path with what stands there. */
export function firstDifference(actual: unknown, expected: unknown, path = ''): string {
  if (isObject(actual) && isObject(expected)) {
    for (const name of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
      if (!isDeepStrictEqual(actual[name], expected[name])) {
        return firstDifference(actual[name], expected[name], path === '' ? name : `${path}.${name}`)
      }
    }
  }
  const shown = (value: unknown) => (JSON.stringify(value) ?? 'nothing').slice(0, SHOWN_CHARACTERS)
  return `${path === '' ? '' : `${path} is `}${shown(actual)} instead of ${shown(expected)}`
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
