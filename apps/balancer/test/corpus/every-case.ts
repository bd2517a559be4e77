// Runs cases by the thousand under one assertion: the runner reads every line of a report, and that would take longer than the cases.
// A case fails by throwing; each that fails is told by its name and what was wrong.
import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import type { Test } from 'tap'

interface NamedCase {
  readonly name: string
  readonly rfc?: string
}

/** Passes when every case does. */
export async function everyCase<C extends NamedCase>(
  t: Test,
  cases: readonly C[],
  run: (each: C) => Promise<void>,
): Promise<void> {
  let failed = 0
  for (const each of cases) {
    try {
      await run(each)
    } catch (error) {
      failed++
      const name = each.rfc === undefined ? each.name : `${each.name} (${each.rfc})`
      t.fail(`${name}: ${describe(error)}`)
    }
  }
  t.equal(failed, 0, `${cases.length} cases`)
}

/** The assertions of a case, named as tap's are. */
export const check = {
  equal: (actual: unknown, expected: unknown, message = 'equal') => assert.equal(actual, expected, message),
  same: (actual: unknown, expected: unknown, message = 'the same') => assert.deepEqual(actual, expected, message),
  ok: (value: unknown, message = 'so') => assert.ok(value, message),
  notOk: (value: unknown, message = 'not so') => assert.ok(!value, message),
  match: (actual: string, pattern: RegExp, message = 'a match') => assert.match(actual, pattern, message),
  notMatch: (actual: string, pattern: RegExp, message = 'no match') => assert.doesNotMatch(actual, pattern, message),
  contains: (actual: object, expected: object, message = 'contained') =>
    assert.partialDeepStrictEqual(actual, expected, message),
  fail: (message: string): never => assert.fail(message),
}

function describe(error: unknown): string {
  if (!(error instanceof assert.AssertionError)) return String(error)
  return `${error.message}: ${inspect(error.actual)} instead of ${inspect(error.expected)}`
}
