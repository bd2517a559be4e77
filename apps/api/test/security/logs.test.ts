// What a log may never hold, looked for in all that a worker prints: it runs as a program, in production, at the level that says most, with a mark in each secret that it
// was given, and in everything that a request can bring a secret in.
import t from 'tap'
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { spawnProgram } from '@plimsoll/testing'
import { operationsOf, type OpenapiDocument } from '../contract/operations.ts'
import { plainRequest } from '../contract/requests.ts'
import { demoDatabase } from '../fixture/demo-database.ts'

// Databases and programs are started: on a busy machine that takes its time.
t.setTimeout(60_000)

/** By what they were given as, so that a failure says which leaked. */
const marks = new Map<string, string>()
function mark(name: string): string {
  const text = `zq${randomBytes(15).toString('hex')}`
  marks.set(`${name}, ${marks.size}`, text)
  return text
}

/** Not a secret: part of a path. */
const CONTROL = `zq${randomBytes(15).toString('hex')}`

/** Fields of bodies that hold secrets, or say who somebody is. */
const SECRET_FIELDS = ['password', 'currentPassword', 'newPassword', 'refreshToken', 'email', 'token'] as const

const database = await demoDatabase(t)
marks.set('password of the database', decodeURIComponent(new URL(database.url).password))
const operatorToken = mark('operator token')
const keyBytes = mark('bytes of the signing key')
const signingKey = Buffer.from(keyBytes).toString('base64url')
marks.set('signing key', signingKey)
const program = await spawnProgram(t, ['node', 'apps/api/src/worker/main.ts', '--listen', '127.0.0.1:0'], {
  // Nothing is asked of how it ends.
  stopTimeoutMs: 100,
  env: {
    NODE_ENV: 'production',
    LOG_LEVEL: 'trace',
    DATABASE_URL: database.url,
    DB_SLOW_QUERY_MS: '0',
    API_OPERATOR_TOKEN: operatorToken,
    API_TOKEN_KEYS: JSON.stringify({ sign: 'k1', keys: { k1: signingKey } }),
    API_TRUSTED_PROXIES: '127.0.0.1',
    REDIS_PASSWORD: mark('password of Redis'),
    CACHE_L2: 'false',
    FEATURE_RATE_LIMIT: 'false',
  },
})
const { address } = JSON.parse(await program.line('"msg":"listening"', { timeoutMs: 30_000 })) as { address: string }
const document = (await (await fetch(`${address}/openapi.json`)).json()) as OpenapiDocument
const operations = operationsOf(document)

const statuses = new Set<number>()
async function ask(method: string, target: string, headers: Record<string, string>, body?: object): Promise<object> {
  const response = await fetch(`${address}${target}`, {
    method,
    headers: {
      'x-forwarded-for': '192.0.2.7',
      cookie: `session=${mark('cookie')}`,
      'x-api-key': mark('x-api-key'),
      'proxy-authorization': `Basic ${mark('proxy-authorization')}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  statuses.add(response.status)
  const text = await response.text()
  return /json/.test(response.headers.get('content-type') ?? '') ? (JSON.parse(text) as object) : {}
}

await t.test('requests to every address bring secrets where they can', async t => {
  const credentials = [
    () => `Bearer ${operatorToken}`,
    () => `Bearer ${mark('bearer token of nobody')}`,
    () => `Basic ${Buffer.from(`a:${mark('basic password')}`).toString('base64')}`,
  ]
  for (const [index, operation] of operations.entries()) {
    const { path, query, headers, body } = plainRequest(operation)
    const target = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path[name] ?? ''))
    const good = new URLSearchParams(query.map(([name, value]) => [name, value])).toString()
    const secret = new URLSearchParams({
      token: mark('token in a query'),
      access_token: mark('access_token in a query'),
    }).toString()
    const withSecrets =
      body === null || typeof body !== 'object' || Array.isArray(body) ? undefined : { ...body, ...secretsLike(body) }
    const surplus = withSecrets && { ...withSecrets, secret: mark('field that no schema has') }
    const authorization = credentials[index % credentials.length]?.() ?? ''
    await Promise.all([
      ask(operation.method, `${target}?${good}`, { ...headers, authorization: `Bearer ${operatorToken}` }, withSecrets),
      ask(operation.method, `${target}?${secret}`, { ...headers, authorization }, withSecrets),
      surplus && ask(operation.method, target, { ...headers, authorization }, surplus),
    ])
  }
  await ask('GET', `/${CONTROL}`, {})
  for (const status of [200, 400, 401]) t.ok(statuses.has(status), `${status} was among the answers`)
})

await t.test('somebody signs up and in, renews, and shows a used token', async t => {
  const email = `${mark('e-mail address')}@example.org`
  const password = mark('password')
  await ask('POST', '/api/auth/signup', {}, { email, username: 'log-reader', displayName: 'Log Reader', password })
  await ask('POST', '/api/auth/login', {}, { email, password: mark('wrong password') })
  const first = tokensOf(await ask('POST', '/api/auth/login', {}, { email, password }))
  t.ok(first, 'signed in')
  const second = tokensOf(await ask('POST', '/api/auth/refresh', {}, { refreshToken: first?.refreshToken }))
  t.ok(second, 'renewed')
  await ask('POST', '/api/auth/refresh', {}, { refreshToken: first?.refreshToken })
  await ask('GET', '/api/auth/profile', { authorization: `Bearer ${second?.accessToken}` })
  await ask('POST', '/api/auth/logout', {}, { refreshToken: second?.refreshToken })
})

await t.test('what a client writes can not begin a line, nor change what a terminal shows', async t => {
  const forged = [
    'GET /\x7f\x9b31m\x85\x9d HTTP/1.1\r\nhost: x\r\n',
    'GET /%0d%0a%7b%22level%22:%22fatal%22%7d%1b[2J HTTP/1.1\r\nhost: x\r\n',
    `GET /${Buffer.from('\u2028\u202e\u2029').toString('latin1')} HTTP/1.1\r\nhost: x\r\n`,
    'GET /nowhere HTTP/1.1\r\nhost: x\r\nx-forwarded-for: \x9b31m"},{"level":"fatal\r\nx-request-id: \x9b31m"},{"\r\n',
    'GET /performance/metrics HTTP/1.1\r\nhost: x\r\nx-forwarded-for: \x85{"level":"fatal"}\r\nauthorization: Bearer \x9b\r\n',
  ]
  const login = '{"email":"nobody@example.org","password":"nobody knows it"}'
  const signIn = `POST /api/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${login.length}\r\n`
  t.match(await raw(`${signIn}x-forwarded-for: \x9b31m\r\nconnection: close\r\n\r\n${login}`), /^HTTP\/1\.1 4/)
  for (const head of forged) t.match(await raw(`${head}connection: close\r\n\r\n`), /^HTTP\/1\.1 4/)
  // The last line has been printed when all have.
  const last = program.line('/the-last-one', { timeoutMs: 30_000 })
  await ask('GET', '/the-last-one', {})
  await last
  const printed = program.stdout
  // oxlint-disable-next-line no-control-regex -- those are what's looked for
  t.notMatch(printed, /[\0-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/)
  // One says to whoever started it that it listens, and is no line of the log.
  const lines = printed
    .trimEnd()
    .split('\n')
    .filter(line => !line.startsWith('{"msg":"listening",'))
  t.ok(lines.length > operations.length * 3, `${lines.length} lines`)
  const odd = lines.filter(line => {
    const { level, name } = JSON.parse(line) as { level?: string; name?: string }
    return level === undefined || level === 'fatal' || name === undefined
  })
  t.same(odd, [])
})

await t.test('none of the secrets is in what was printed, in any spelling', t => {
  t.ok(marks.size > 100, `${marks.size} marks`)
  const printed = program.stdout + program.stderr
  t.ok(printed.includes(CONTROL), 'what may be in the log is found')
  const leaked = [...marks].filter(([, text]) => spellings(text).some(spelling => printed.includes(spelling)))
  t.same(
    leaked.map(([name]) => name),
    [],
  )
  t.end()
})

function spellings(text: string): string[] {
  const bytes = Buffer.from(text)
  // Where it begins within a longer text decides what base64 makes of it; the two characters at either end depend on its neighbours.
  const shifted = [0, 1, 2].map(shift =>
    Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64url')
      .slice(shift + 1, -4),
  )
  return [text, bytes.toString('hex'), ...shifted]
}

/** Marks in the fields that are secrets by their names. */
function secretsLike(body: object): Record<string, string> {
  const names = SECRET_FIELDS.filter(name => name in body)
  return Object.fromEntries(
    names.map(name => [name, name === 'email' ? `${mark('e-mail in a body')}@example.org` : mark(`${name} in a body`)]),
  )
}

/** What a sign-in gave; both are secrets from now on. */
function tokensOf(answer: object): { accessToken: string; refreshToken: string } | undefined {
  const { accessToken, refreshToken } = answer as Record<string, unknown>
  if (typeof accessToken !== 'string' || typeof refreshToken !== 'string') return undefined
  marks.set(`access token ${marks.size}`, accessToken)
  marks.set(`refresh token ${marks.size}`, refreshToken)
  return { accessToken, refreshToken }
}

function raw(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(Number(new URL(address).port), '127.0.0.1', () => socket.write(bytes, 'latin1'))
    socket.setEncoding('latin1').on('data', (text: string) => (answer += text))
    socket.once('error', reject)
    socket.once('close', () => resolve(answer))
  })
}
