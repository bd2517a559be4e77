import fc from 'fast-check'
import t from 'tap'
import { DbError, queryError } from '../../src/errors.ts'
import type { Phase } from '../../src/retry/classification.ts'
import { classifyOutcome } from '../../src/retry/classify-outcome.ts'

const PHASES: readonly Phase[] = ['acquire', 'connect', 'execute', 'transaction', 'commit']

const kinds = (error: unknown): string => PHASES.map(phase => classifyOutcome(error, phase).kind).join(' ')
const system = (code: string, syscall: string): Error => Object.assign(new Error('x'), { code, syscall, errno: -1 })
const driver = (code: string): Error => Object.assign(new Error('x'), { code, errno: code })

await t.test('a refused connection was never used, except that a commit needs the connection it had', async t => {
  for (const [code, call] of [
    ['ECONNREFUSED', 'connect'],
    ['ENOTFOUND', 'getaddrinfo'],
    ['EAI_AGAIN', 'getaddrinfo'],
    ['EHOSTUNREACH', 'connect'],
    ['ETIMEDOUT', 'connect'],
    ['ENOENT', 'connect'],
  ] as const) {
    t.equal(kinds(system(code, call)), 'not-executed not-executed not-executed rolled-back unknown', code)
  }
})

await t.test('the same codes mean a lost answer when they come from reading and writing', async t => {
  for (const code of ['EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'ECONNRESET', 'EPIPE', 'ECONNABORTED']) {
    t.equal(kinds(system(code, 'read')), 'not-executed not-executed unknown rolled-back unknown', code)
  }
})

await t.test("the driver's codes are told apart by whether the statement was sent", async t => {
  t.equal(kinds(driver('CONNECT_TIMEOUT')), 'not-executed not-executed not-executed rolled-back unknown')
  t.equal(kinds(driver('CONNECTION_ENDED')), 'not-executed not-executed not-executed rolled-back unknown')
  t.equal(kinds(driver('CONNECTION_CLOSED')), 'not-executed not-executed unknown rolled-back unknown')
  t.equal(kinds(driver('CONNECTION_DESTROYED')), 'not-executed not-executed unknown rolled-back unknown')
  for (const code of ['UNDEFINED_VALUE', 'MAX_PARAMETERS_EXCEEDED', 'SASL_SIGNATURE_MISMATCH', 'CERT_HAS_EXPIRED']) {
    t.equal(kinds(driver(code)), 'never never never never never', code)
  }
  t.equal(classifyOutcome(driver('ERR_SSL_BAD_RECORD_TYPE'), 'execute').kind, 'unknown')
})

await t.test('a statement whose plan is out of date was refused before it ran', async t => {
  const stale = Object.assign(new Error('x'), { code: '0A000', severity: 'ERROR', routine: 'RevalidateCachedQuery' })
  t.match(classifyOutcome(stale, 'execute'), { kind: 'rolled-back', reason: 'stale-plan' })
  t.match(classifyOutcome(stale, 'transaction'), { kind: 'rolled-back', reason: 'stale-plan' })
  t.equal(classifyOutcome({ code: '0A000', severity: 'ERROR', routine: 'x' }, 'execute').kind, 'never')
})

await t.test("this package's own errors are believed where they know what was sent", async t => {
  const own = (...[code, details]: [DbError['code'], ConstructorParameters<typeof DbError>[2]?]): DbError =>
    new DbError(code, 'x', details)
  t.match(classifyOutcome(own('DB_ERR_POOL_BUSY'), 'acquire'), { kind: 'not-executed', elsewhereOnly: true })
  t.equal(classifyOutcome(own('DB_ERR_CONNECT'), 'execute').kind, 'not-executed')
  t.equal(classifyOutcome(own('DB_ERR_OUTCOME_UNKNOWN', { outcome: 'unknown' }), 'execute').kind, 'unknown')
  t.equal(classifyOutcome(own('DB_ERR_CONNECTION_LOST', { outcome: 'rolled-back' }), 'execute').kind, 'rolled-back')
  t.equal(classifyOutcome(own('DB_ERR_ABORTED', { outcome: 'rolled-back' }), 'execute').kind, 'never')
  t.equal(classifyOutcome(own('DB_ERR_TIMEOUT', { outcome: 'rolled-back' }), 'execute').kind, 'never')
  t.equal(classifyOutcome(own('DB_ERR_TIMEOUT', { outcome: 'unknown' }), 'execute').kind, 'unknown')
  for (const code of ['DB_ERR_OPTION', 'DB_ERR_CLOSED', 'DB_ERR_PARAMETER', 'DB_ERR_TRANSACTION'] as const) {
    t.equal(classifyOutcome(own(code), 'execute').kind, 'never', code)
  }
})

await t.test("a server's answer is read through this package's wrapper", async t => {
  const wrapped = (code: string, severity = 'ERROR'): DbError =>
    queryError(Object.assign(new Error('x'), { code, severity }))
  t.equal(classifyOutcome(wrapped('40001'), 'execute').kind, 'rolled-back')
  t.equal(classifyOutcome(wrapped('23505'), 'execute').kind, 'never')
  t.equal(classifyOutcome(wrapped('53300', 'FATAL'), 'execute').kind, 'not-executed')
  t.equal(classifyOutcome(wrapped('57014'), 'execute').kind, 'never')
  const unknown = new DbError('DB_ERR_OUTCOME_UNKNOWN', 'x', {
    outcome: 'unknown',
    server: { sqlState: '40001', severity: 'ERROR' },
  })
  t.equal(classifyOutcome(unknown, 'execute').kind, 'unknown', 'the more cautious opinion counts')
})

await t.test('causes and the errors of several addresses are looked into, circles end', async t => {
  t.equal(classifyOutcome(new Error('x', { cause: system('ECONNRESET', 'read') }), 'execute').kind, 'unknown')
  const both = new AggregateError([system('ECONNREFUSED', 'connect'), system('ECONNREFUSED', 'connect')])
  t.equal(classifyOutcome(both, 'execute').kind, 'not-executed')
  const circle: { cause?: unknown } = {}
  circle.cause = circle
  t.equal(classifyOutcome(circle, 'execute').kind, 'never')
})

await t.test('who gave up waiting for something that was sent knows nothing', async t => {
  t.equal(kinds(new DOMException('x', 'AbortError')), 'never never unknown never unknown')
  t.equal(kinds(new DOMException('x', 'TimeoutError')), 'never never unknown never unknown')
})

await t.test('whatever is thrown has a class, and is unknown only where something was sent', async () => {
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true }), fc.constantFrom(...PHASES), (thrown, phase) => {
      const { kind } = classifyOutcome(thrown, phase)
      return kind !== 'unknown' || phase === 'execute' || phase === 'commit'
    }),
    { numRuns: 500, seed: 1 },
  )
  const code = fc.stringMatching(/^[0-9A-Z]{5}$/)
  fc.assert(
    fc.property(
      code,
      fc.constantFrom('ERROR', 'FATAL', 'PANIC'),
      fc.constantFrom(...PHASES),
      (code, severity, phase) => {
        const { kind } = classifyOutcome({ code, severity }, phase)
        if (phase === 'acquire' || phase === 'connect') return kind === 'not-executed' || kind === 'never'
        return kind !== 'not-executed' && (kind !== 'unknown' || phase !== 'transaction')
      },
    ),
    { numRuns: 2000, seed: 1 },
  )
})
