import t from 'tap'
import { DB_ERRORS, DbError, type DbErrorCode, type DbErrorDetails } from '@plimsoll/db-optimizer'
import { ApiError, SetupError } from '../../src/errors.ts'
import { boundedCode, codeOf, describeUrl, toApiError, toSetupError } from '../../src/database/failures.ts'

const failure = (code: string) => Object.assign(new Error(`connect to db.internal as admin (${code})`), { code })
const dbError = (code: DbErrorCode, details: DbErrorDetails = {}) =>
  new DbError(code, 'No connection to db.internal:5432 as admin', details)
const server = (sqlState: string) => ({ server: { sqlState, severity: 'FATAL' } })
const READ = { readOnly: true }
const WRITE = { readOnly: false }

await t.test('outages are 503 with a time to wait, and say nothing about the database', async t => {
  for (const [error, code] of [
    [dbError('DB_ERR_CONNECT', { reason: 'ECONNREFUSED' }), 'API_ERR_DATABASE_UNAVAILABLE'],
    [dbError('DB_ERR_CONNECTION_LOST'), 'API_ERR_DATABASE_UNAVAILABLE'],
    [dbError('DB_ERR_CLOSED'), 'API_ERR_DATABASE_UNAVAILABLE'],
    [dbError('DB_ERR_QUERY', server('57P01')), 'API_ERR_DATABASE_UNAVAILABLE'],
    [dbError('DB_ERR_QUERY', server('08006')), 'API_ERR_DATABASE_UNAVAILABLE'],
    [dbError('DB_ERR_TIMEOUT'), 'API_ERR_DATABASE_TIMEOUT'],
    [dbError('DB_ERR_CONFLICT', server('40001')), 'API_ERR_DATABASE_BUSY'],
    [dbError('DB_ERR_POOL_BUSY', { waitedMs: 20 }), 'API_ERR_DATABASE_BUSY'],
  ] as const) {
    const told = toApiError(error, WRITE)
    t.match(told, { code, status: 503, retryAfterS: 1, cause: error }, error.code)
    t.notMatch((told as Error).message, /internal|admin/)
  }
})

await t.test('a full pool says how long was waited, and asks to stay away for as long', async t => {
  const told = (waitedMs: number) => toApiError(dbError('DB_ERR_POOL_BUSY', { waitedMs }), READ)
  t.match(told(4321.7), { retryAfterS: 5, message: /4322 ms/ })
  t.match(told(0), { retryAfterS: 1 })
  t.match(told(600_000), { retryAfterS: 30 })
})

await t.test(
  'a lost answer is an outage for a read, and for a write a question that only its caller can answer',
  async t => {
    const lost = dbError('DB_ERR_OUTCOME_UNKNOWN', { outcome: 'unknown' })
    t.match(toApiError(lost, READ), { code: 'API_ERR_DATABASE_UNAVAILABLE', retryAfterS: 1 })
    const told = toApiError(lost, WRITE)
    t.match(told, { code: 'API_ERR_DATABASE_OUTCOME_UNKNOWN', status: 500, cause: lost })
    t.equal((told as ApiError).retryAfterS, undefined, 'nobody is asked to repeat it')
  },
)

await t.test('what was aborted is told as what the signal was aborted with', async t => {
  const deadline = new ApiError('API_ERR_DEADLINE', 'x')
  t.equal(toApiError(dbError('DB_ERR_ABORTED', { cause: deadline }), READ), deadline)
  const without = dbError('DB_ERR_ABORTED')
  t.equal(toApiError(without, READ), without)
})

await t.test('what the statement did wrong stays what it is: that is a bug, not an outage', async t => {
  const told = new Set<string>()
  for (const code of Object.keys(DB_ERRORS) as DbErrorCode[]) {
    const error = dbError(code, server('42P01'))
    if (toApiError(error, WRITE) === error) told.add(code)
  }
  t.same([...told].toSorted(), [
    'DB_ERR_ABORTED',
    'DB_ERR_BUDGET',
    'DB_ERR_OPTION',
    'DB_ERR_PARAMETER',
    'DB_ERR_QUERY',
    'DB_ERR_RESULT',
    'DB_ERR_TRANSACTION',
    'DB_ERR_UNSUPPORTED',
  ])
  for (const error of [new TypeError('x'), null, undefined, 'text', { code: 5 }])
    t.equal(toApiError(error, WRITE), error)
})

await t.test('whoever starts a program reads one line without the password', async t => {
  const url = 'postgres://admin:pass-word@db.internal:5433/shop?sslmode=require'
  for (const [code, text] of [
    ['ECONNREFUSED', /can't be reached/],
    ['28P01', /refuses the user or password/],
    ['28000', /refuses/],
    ['3D000', /doesn't exist/],
  ] as const) {
    const error = toSetupError(failure(code), url) as Error
    t.match(error, { code: 'API_ERR_DATABASE_CONNECT', message: text })
    t.match(error.message, /db\.internal:5433\/shop/)
    t.notMatch(error.message, /pass-word|\n/)
  }
  const known = new SetupError('API_ERR_DEMO_DATA', 'x')
  t.equal(toSetupError(known, url), known)
  const other = failure('42601')
  t.equal(toSetupError(other, url), other)
})

await t.test('an address is shown without credentials, and one that is none is not shown', async t => {
  t.equal(describeUrl('postgres://a:b@h/d'), 'h:5432/d')
  t.equal(describeUrl('not a url with a pass-word'), '(unreadable address)')
})

await t.test('a failure has a code, whatever it is', async t => {
  t.same([failure('57014'), new Error('x'), null, 'x', { code: 7 }].map(codeOf), [
    '57014',
    'UNKNOWN',
    'UNKNOWN',
    'UNKNOWN',
    'UNKNOWN',
  ])
  t.equal(codeOf(dbError('DB_ERR_CONNECT', { reason: 'ECONNREFUSED' })), 'ECONNREFUSED', 'the reason says most')
  t.equal(codeOf(dbError('DB_ERR_QUERY', server('42P01'))), '42P01')
  t.equal(codeOf(dbError('DB_ERR_TIMEOUT')), 'DB_ERR_TIMEOUT')
  t.equal(codeOf(dbError('DB_ERR_CONNECT', { reason: 'connect to db.internal as admin' })), 'OTHER')
  t.equal(boundedCode('closed-by-server'), 'closed-by-server')
})
