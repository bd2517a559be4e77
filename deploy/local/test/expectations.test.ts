// What strangers may expect of the whole: the service as production runs it, two workers behind the balancer, asked over sockets by clients who know nothing of the inside.
//
// Each client has an address of its own below 127.0.0.0/8; the balancer believes nobody's forwarding fields.
import { argon2Sync, createHmac, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { spawnProgram, testDatabase, until } from '@plimsoll/testing'

t.setTimeout(180_000)

const checkout = path.resolve(import.meta.dirname, '../../..')
const OPERATOR_TOKEN = randomBytes(24).toString('base64url')
const PASSWORD = 'three kestrels over a quiet mill'

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Readonly<Record<string, unknown>>
  readonly text: string
}

interface Sent {
  readonly token?: string | undefined
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Of the client; 127.0.0.1 unless it's given. */
  readonly from?: string
}

interface Pair {
  readonly accessToken: string
  readonly refreshToken: string
  readonly user: { readonly id: number }
}

const folder = await mkdtemp(path.join(tmpdir(), 'expect-'))
t.teardown(() => rm(folder, { recursive: true, force: true }))
const keysFile = path.join(folder, 'keys.json')
const secrets = { old: randomBytes(32).toString('base64url'), new: randomBytes(32).toString('base64url') }
writeFileSync(keysFile, JSON.stringify({ sign: 'old', keys: { old: secrets.old } }), { mode: 0o600 })

const database = await testDatabase(t, {
  template: {
    key: `the schema, for expectations ${checkout}`,
    async prepare(url) {
      const migrate = await spawnProgram(t, ['node', 'apps/api/src/database/main.ts', 'migrate'], {
        cwd: checkout,
        env: { DATABASE_URL: url, NODE_ENV: 'development' },
      })
      await migrate.exited
    },
  },
})
const api = await spawnProgram(t, ['node', 'apps/api/src/main.ts'], {
  cwd: checkout,
  ownGroup: true,
  stopTimeoutMs: 20_000,
  env: {
    NODE_ENV: 'production',
    DATABASE_URL: database.url,
    API_WORKERS: '2',
    API_ADMIN_PORT: '0',
    API_RUN_FOLDER: folder,
    API_OPERATOR_TOKEN: OPERATOR_TOKEN,
    API_TOKEN_KEYS_FILE: keysFile,
    CACHE_FOLDER: path.join(folder, 'cache'),
    LOG_LEVEL: 'info',
  },
})
const { endpoints } = JSON.parse(await api.line('"msg":"listening"', { timeoutMs: 60_000 })) as { endpoints: string }
const balancer = await spawnProgram(
  t,
  [
    'node',
    'apps/balancer/src/main.ts',
    '--listen=127.0.0.1:0',
    '--admin=127.0.0.1:0',
    `--discovery.file=${endpoints}`,
    '--health.path=/health/ready',
    // Turn by turn: whatever is asked twice is asked of both workers.
    '--strategy=round-robin',
  ],
  { cwd: checkout, env: { PORT: undefined, ADMIN_PORT: undefined, RATE_LIMIT: undefined } },
)
const ready = JSON.parse(await balancer.line('"msg":"listening"', { timeoutMs: 30_000 })) as { listen: string }
const port = Number(/:(\d+)$/.exec(ready.listen)?.[1])

/** How many any answer has set. */
let cookies = 0

/** On a connection of its own. */
function ask(
  method: string,
  url: string,
  { token, body, headers = {}, from = '127.0.0.1' }: Sent = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const payload = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
    const sent = request(
      {
        host: '127.0.0.1',
        port,
        method,
        path: url,
        agent: false,
        localAddress: from,
        headers: {
          ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
      },
      response => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.on('error', reject)
        cookies += response.headers['set-cookie']?.length ?? 0
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text,
            body: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {},
          }),
        )
      },
    )
    sent.on('error', reject)
    sent.end(payload)
  })
}

let clients = 1
/** An address that nobody has asked from. */
const freshAddress = () => `127.0.${(clients += 1) >> 8}.${clients & 255}`

let people = 0
async function signUp(): Promise<string> {
  const name = `person-${(people += 1)}`
  const email = `${name}@example.org`
  const body = { email, username: name, displayName: 'A person', password: PASSWORD }
  const answer = await ask('POST', '/api/auth/signup', { body, from: freshAddress() })
  if (answer.status !== 202) throw new Error(`signing up was answered ${answer.status}: ${answer.text}`)
  return email
}

const logIn = (email: string, password: string, from = freshAddress(), headers: Record<string, string> = {}) =>
  ask('POST', '/api/auth/login', { body: { email, password }, from, headers })

async function newPair(email?: string): Promise<Pair> {
  const answer = await logIn(email ?? (await signUp()), PASSWORD)
  if (answer.status !== 200) throw new Error(`logging in was answered ${answer.status}: ${answer.text}`)
  return answer.body as unknown as Pair
}

/** What must not tell one case from another: all but the request's own. */
const seen = ({ status, headers, body }: Answer) => {
  const { requestId: _, ...rest } = body
  const names = Object.keys(headers).filter(name => !['date', 'x-request-id'].includes(name))
  return { status, names: names.toSorted(), body: rest }
}

// It listens before it has looked at the workers.
await until(async () => (await ask('GET', '/health/ready')).status === 200, {
  what: 'the balancer to have seen a worker',
  timeoutMs: 30_000,
})

await t.test('X4: neither logging in nor signing up tells who has an account', async t => {
  const email = await signUp()
  const wrong = await logIn(email, 'not the password of anybody')
  const unknown = await logIn('nobody-at-all@example.org', 'not the password of anybody')
  t.equal(wrong.status, 401)
  t.same(seen(wrong), seen(unknown))
  t.equal(wrong.headers['content-length'], unknown.headers['content-length'])

  const again = { email, username: 'another-name', displayName: 'Somebody', password: PASSWORD }
  const taken = await ask('POST', '/api/auth/signup', { body: again, from: freshAddress() })
  const free = await ask('POST', '/api/auth/signup', {
    body: { ...again, email: 'free@example.org', username: 'free-name' },
    from: freshAddress(),
  })
  t.equal(free.status, 202)
  t.same(seen(taken), seen(free))
})

await t.test('X5: the sixth failure is refused, from wherever it comes and whichever worker is asked', async t => {
  const email = await signUp()
  const home = freshAddress()
  t.equal((await logIn(email, PASSWORD, home)).status, 200)
  const statuses: number[] = []
  for (let count = 0; count < 20; count += 1) statuses.push((await logIn(email, `wrong ${count}`)).status)
  t.same(statuses, [...Array.from({ length: 5 }, () => 401), ...Array.from({ length: 15 }, () => 429)])
  const right = await logIn(email, PASSWORD)
  t.equal(right.status, 429, 'the right password is not told from a wrong one')
  t.match(right.headers['retry-after'], /^[1-9]\d*$/)
  t.equal(
    (await logIn(email, PASSWORD, freshAddress(), { 'x-forwarded-for': home })).status,
    429,
    'nobody says who they are',
  )
  t.equal((await logIn(email, PASSWORD, home)).status, 200, 'who has signed in from there before is not locked out')

  const one = freshAddress()
  const many: number[] = []
  for (let count = 0; count < 25; count += 1)
    many.push((await logIn(`guess-${count}@example.org`, 'whatever it is', one)).status)
  t.same(many, [...Array.from({ length: 20 }, () => 401), ...Array.from({ length: 5 }, () => 429)])
  t.equal((await logIn('guess-99@example.org', 'whatever it is', freshAddress())).status, 401, 'others may')
})

await t.test('X1, X2, X3: passwords are long texts, and their hashes dear', async t => {
  const email = await signUp()
  const stored = async () => {
    const [row] = await database.sql<[{ id: number; hash: string }]>`
      select u.id::int, c.password_hash as hash from credentials c join users u on u.id = c.user_id where u.email = ${email}`
    return row
  }
  const { id, hash } = await stored()
  t.match(hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)

  const salt = randomBytes(16)
  const parameters = { message: PASSWORD, nonce: salt, parallelism: 1, tagLength: 32, memory: 1024, passes: 1 }
  const text = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '')
  const cheap = `$argon2id$v=19$m=1024,t=1,p=1$${text(salt)}$${text(argon2Sync('argon2id', parameters))}`
  await database.sql`update credentials set password_hash = ${cheap} where user_id = ${id}`
  t.equal((await logIn(email, PASSWORD)).status, 200)
  t.match((await stored()).hash, /m=19456,t=2,p=1/, 'the next sign-in makes it dear')

  const choose = (password: string, name: string) =>
    ask('POST', '/api/auth/signup', {
      body: { email: `${name}@example.org`, username: name, displayName: 'A person', password },
      from: freshAddress(),
    })
  for (const [index, password] of [
    'short 1',
    'password',
    '12345678',
    'qwertyuiop',
    'P@ssw0rd',
    'x'.repeat(129),
  ].entries())
    t.equal((await choose(password, `refused-${index}`)).status, 400, password.slice(0, 12))
  const long = `${'ß 😀 '.repeat(31)}end!`
  t.equal(Array.from(long).length, 128)
  t.equal((await choose(long, 'long-one')).status, 202)
  t.equal((await logIn('long-one@example.org', long)).status, 200)
  t.equal((await logIn('long-one@example.org', long.slice(0, -1))).status, 401, 'nothing is cut off')
})

await t.test('X6: a token is good as it was made, or not at all', async t => {
  const { accessToken, user } = await newPair()
  t.equal((await ask('GET', '/api/auth/verify', { token: accessToken })).body['userId'], user.id)
  const [header = '', payload = '', signature = ''] = accessToken.split('.')
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const decoded = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>
  const signed = (head: object, claims: object, key = secrets.old) => {
    const text = `${encode(head)}.${encode(claims)}`
    return `${text}.${createHmac('sha256', Buffer.from(key, 'base64url')).update(text).digest('base64url')}`
  }
  const head = decoded(header)
  const claims = decoded(payload)
  t.equal((await ask('GET', '/api/auth/verify', { token: signed(head, claims) })).status, 200, 'the forge works')
  const nowS = Math.floor(Date.now() / 1000)
  const forgeries: Record<string, string> = {
    none: `${encode({ ...head, alg: 'none' })}.${payload}.`,
    'none, signed': signed({ ...head, alg: 'none' }, claims),
    'HS512 said': signed({ ...head, alg: 'HS512' }, claims),
    'RS256 said': signed({ ...head, alg: 'RS256' }, claims),
    'unknown kid': signed({ ...head, kid: 'other' }, claims),
    'kid is a path': signed({ ...head, kid: '../../dev/null' }, claims, ''),
    'kid is SQL': signed({ ...head, kid: "a' or '1'='1" }, claims),
    'no kid': signed({ alg: 'HS256', typ: head['typ'] }, claims),
    jku: signed({ ...head, jku: 'http://127.0.0.1/keys' }, claims),
    x5u: signed({ ...head, x5u: 'http://127.0.0.1/keys' }, claims),
    jwk: signed({ ...head, jwk: { kty: 'oct', k: secrets.new } }, claims, secrets.new),
    crit: signed({ ...head, crit: ['x'], x: 1 }, claims),
    'another type': signed({ ...head, typ: 'JWT' }, claims),
    expired: signed(head, { ...claims, iat: nowS - 1000, exp: nowS - 100 }),
    'not yet': signed(head, { ...claims, nbf: nowS + 600 }),
    'too long a life': signed(head, { ...claims, exp: nowS + 86_400 }),
    'another issuer': signed(head, { ...claims, iss: 'elsewhere' }),
    'another audience': signed(head, { ...claims, aud: 'elsewhere' }),
    'another user': signed(head, { ...claims, sub: '1' }),
    'another session': signed(head, { ...claims, sid: '999999999' }),
    'another key': signed(head, claims, secrets.new),
    'no signature': `${header}.${payload}.`,
    'a part more': `${accessToken}.${signature}`,
    'first byte': `A${accessToken.slice(1)}`,
    'payload changed': `${header}.${payload.slice(0, -3)}AAA.${signature}`,
    'last byte': `${accessToken.slice(0, -1)}${accessToken.endsWith('A') ? 'B' : 'A'}`,
    nothing: '',
    'a refresh token': randomBytes(32).toString('base64url'),
  }
  const answers = new Set<string>()
  for (const [what, token] of Object.entries(forgeries)) {
    const answer = await ask('GET', '/api/auth/verify', { token })
    t.equal(answer.status, 401, what)
    answers.add(JSON.stringify(seen(answer)))
  }
  t.equal(answers.size, 1, 'all are answered alike')
})

await t.test('X8: a refresh token is good once, and what was stolen ends the session on every worker', async t => {
  const first = await newPair()
  const refresh = (token: string) =>
    ask('POST', '/api/auth/refresh', { body: { refreshToken: token }, from: freshAddress() })
  const race = await Promise.all(Array.from({ length: 10 }, () => refresh(first.refreshToken)))
  const won = race.filter(({ status }) => status === 200)
  t.equal(won.length, 1, 'of ten at the same moment one wins')
  t.equal(race.filter(({ status }) => status === 401).length, 9)
  const next = won[0]?.body as unknown as Pair
  for (let count = 0; count < 4; count += 1) {
    t.equal((await ask('GET', '/api/auth/verify', { token: next.accessToken })).status, 401, 'reuse ends the session')
    t.equal((await refresh(next.refreshToken)).status, 401)
  }

  const second = await newPair()
  const renewed = (await refresh(second.refreshToken)).body as unknown as Pair
  const stays = await newPair()
  t.equal((await ask('POST', '/api/auth/logout', { body: { refreshToken: renewed.refreshToken } })).status, 204)
  for (let count = 0; count < 6; count += 1)
    t.equal((await ask('GET', '/api/auth/verify', { token: renewed.accessToken })).status, 401, 'at once, everywhere')
  t.equal((await ask('GET', '/api/auth/verify', { token: stays.accessToken })).status, 200, 'others go on')
})

await t.test('X10, X11: nobody sees or changes what belongs to another, or to operators', async t => {
  const one = await newPair()
  const other = await newPair()
  const own = `/api/gamification/dashboard/${one.user.id}`
  t.equal((await ask('GET', own, { token: one.accessToken })).status, 200)
  t.equal((await ask('GET', own, { token: other.accessToken })).status, 403)
  t.equal((await ask('GET', own)).status, 401)
  t.equal((await ask('GET', own, { token: OPERATOR_TOKEN })).status, 200)
  for (const target of [`${own}/`, `//api/gamification/dashboard/${one.user.id}`, own.replace('/dash', '/%64ash')])
    t.not((await ask('GET', target, { token: other.accessToken })).status, 200, target)
  const blog = { title: 'What a queue is for', content: 'Waiting.', tags: [], status: 'published' }
  const written = await ask('POST', '/api/blogs', { token: one.accessToken, body: blog })
  t.equal(written.status, 201)
  const change = { body: { ...blog, title: 'Mine now' }, headers: { 'if-match': '"1"' } }
  t.equal(
    (await ask('PUT', `/api/blogs/${String(written.body['id'])}`, { token: other.accessToken, ...change })).status,
    403,
  )
  for (const extra of [{ id: 1 }, { ownerId: 1 }, { role: 'admin' }, { userType: 'admin' }])
    t.equal((await ask('POST', '/api/blogs', { token: one.accessToken, body: { ...blog, ...extra } })).status, 400)
  const admin = {
    email: 'a@example.org',
    username: 'admin-to-be',
    displayName: 'A',
    password: PASSWORD,
    userType: 'admin',
  }
  t.equal((await ask('POST', '/api/auth/signup', { body: admin, from: freshAddress() })).status, 400)
  for (const route of ['/performance/metrics', '/api/cache/stats', '/performance/optimization/recommendations']) {
    t.equal((await ask('GET', route)).status, 401)
    t.equal((await ask('GET', route, { token: one.accessToken })).status, 403)
  }
  t.equal((await ask('GET', '/metrics', { token: OPERATOR_TOKEN })).status, 404)
  t.equal((await ask('GET', '/documentation')).status, 404)
})

await t.test('X19: what is sent twice with one key is done once, whichever workers get it', async t => {
  const { user } = await newPair()
  const wallet = `/api/gamification/wallet/${user.id}`
  await ask('GET', `/api/gamification/dashboard/${user.id}`, { token: OPERATOR_TOKEN })
  const send = (key: string, amount: number) =>
    ask('POST', `${wallet}/transactions`, {
      token: OPERATOR_TOKEN,
      body: { kind: 'earn', amount, reason: 'A lesson' },
      headers: { 'idempotency-key': key },
    })
  const balance = async () => (await ask('GET', wallet, { token: OPERATOR_TOKEN })).body['balance'] as number
  const before = await balance()
  const answers = await Promise.all(Array.from({ length: 8 }, () => send('once', 7)))
  t.same(new Set(answers.map(({ status }) => status)), new Set([201]))
  t.equal(new Set(answers.map(({ text }) => text)).size, 1, 'the same answer, byte for byte')
  t.equal(await balance(), before + 7)
  t.equal((await send('once', 8)).status, 422)
})

await t.test('X16, X20: what is served is listed, and a text stays a text', async t => {
  const { body } = await ask('GET', '/openapi.json')
  t.ok(Object.keys(body['paths'] as object).length > 20)
  t.equal((await ask('GET', '/api/internal')).status, 404)
  const count = async () => (await database.sql<[{ count: number }]>`select count(*)::int from users`)[0].count
  const before = await count()
  const hostile = "'; delete from users; --"
  t.equal((await ask('POST', '/api/auth/login', { body: { email: hostile, password: hostile } })).status, 400)
  t.equal((await logIn('nobody@example.org', hostile)).status, 401)
  t.equal((await ask('GET', `/api/courses?category=${encodeURIComponent(hostile)}`)).status, 400)
  t.equal((await ask('GET', `/api/courses/${encodeURIComponent('1 or 1=1')}`)).status, 400)
  t.equal(await count(), before)
})

await t.test('X12, X14, X15: bounds, header fields and errors are those of a closed house', async t => {
  const { accessToken } = await newPair()
  const profile = await ask('GET', '/api/auth/profile', { token: accessToken })
  t.match(profile.headers, {
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-security-policy': /default-src 'none'.*frame-ancestors 'none'/,
    'referrer-policy': 'no-referrer',
  })
  t.notOk('server' in profile.headers || 'x-powered-by' in profile.headers)
  for (const origin of ['https://evil.example', 'null', 'https://app.example.org.evil.example'])
    t.notOk(
      'access-control-allow-origin' in (await ask('GET', '/api/courses', { headers: { origin } })).headers,
      origin,
    )
  const large = await ask('POST', '/api/auth/login', { body: { email: 'a@b.example', password: 'x'.repeat(100_000) } })
  t.equal(large.status, 413)
  const poisoned = '{"email":"a@b.example","password":"12345678","__proto__":{"admin":true}}'
  t.equal((await ask('POST', '/api/auth/login', { body: poisoned })).status, 400)
  const named = await ask('POST', '/api/auth/login', { body: { email: 'a@b.example', password: { $gt: '' } } })
  t.equal(named.status, 400)
  t.notMatch(named.text, /\$gt/)
  t.match(named.body, { code: 'API_ERR_VALIDATION', issues: [{ field: 'body.password' }] })
})

await t.test('X7: keys are exchanged while everybody stays signed in', async t => {
  const before = await newPair()
  const kidOf = (token: string) =>
    (JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: string }).kid
  const put = (keyring: object) => writeFileSync(keysFile, JSON.stringify(keyring))
  const verified = async (token: string) =>
    Promise.all(Array.from({ length: 6 }, async () => (await ask('GET', '/api/auth/verify', { token })).status))
  put({ sign: 'old', keys: secrets })
  // Every worker has read the file before one signs with what it brought: the order that the documentation gives.
  const replaced = () => api.lines.filter(line => line.includes('keys for access tokens replaced')).length
  await until(() => replaced() >= 2, { what: 'both workers to read the file', timeoutMs: 20_000 })
  put({ sign: 'new', keys: secrets })
  const email = await signUp()
  const after = await until(
    async () => {
      const pairs = await Promise.all([newPair(email), newPair(email)])
      return pairs.every(pair => kidOf(pair.accessToken) === 'new') ? pairs[0] : false
    },
    { what: 'both workers to sign with the new key', timeoutMs: 20_000 },
  )
  t.same(new Set(await verified(before.accessToken)), new Set([200]), 'tokens of the old key are still good')
  t.same(new Set(await verified(after.accessToken)), new Set([200]))
  put({ sign: 'new', keys: { new: secrets.new } })
  await until(async () => (await verified(before.accessToken)).every(status => status === 401), {
    what: 'the retired key to be refused',
    timeoutMs: 20_000,
  })
  t.same(new Set(await verified(after.accessToken)), new Set([200]))
})

await t.test('X9: no answer has set a cookie', t => {
  t.equal(cookies, 0)
  t.end()
})

await t.test('X15, X17: the log has who was refused what, and no secret', t => {
  const log = api.lines.join('\n')
  t.match(log, /"category":"security".*"status":401/)
  t.match(log, /"category":"security".*"status":403/)
  t.match(log, /"category":"security".*"status":429/)
  for (const secret of [PASSWORD, OPERATOR_TOKEN, secrets.old, secrets.new, 'eyJ', 'plr_', 'example.org'])
    t.notOk(log.includes(secret), secret.slice(0, 3))
  t.end()
})
