import t from 'tap'
import { SetupError } from '../../src/errors.ts'
import { codeOf, describeUrl, toApiError, toSetupError } from '../../src/database/failures.ts'

const failure = (code: string) => Object.assign(new Error(`connect to db.internal as admin (${code})`), { code })

await t.test('outages are 503 with a time to wait, and say nothing about the database', async t => {
  for (const code of [
    'ECONNREFUSED',
    'ECONNRESET',
    'CONNECT_TIMEOUT',
    'CONNECTION_CLOSED',
    '57P01',
    '57P03',
    '53300',
    '08006',
    '08001',
  ]) {
    const error = toApiError(failure(code))
    t.match(error, { code: 'API_ERR_DATABASE_UNAVAILABLE', status: 503, retryAfterS: 1, cause: { code } }, code)
    t.notMatch((error as Error).message, /internal|admin/)
  }
  t.match(toApiError(failure('57014')), { code: 'API_ERR_DATABASE_TIMEOUT', status: 503 })
})

await t.test('what the statement did wrong stays what it is: that is a bug, not an outage', async t => {
  for (const code of ['23505', '42P01', '22P02', '40001', 'XX000']) {
    const error = failure(code)
    t.equal(toApiError(error), error, code)
  }
  for (const error of [new TypeError('x'), null, undefined, 'text', { code: 5 }]) t.equal(toApiError(error), error)
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
})
