// Signing up and in, on two workers with one database: what's told of accounts, to whom, and what isn't.
import t from 'tap'
import { randomBytes } from 'node:crypto'
import { HashSlots } from '../../../src/auth/hash-slots.ts'
import { Passwords } from '../../../src/auth/passwords.ts'
import { ApiError } from '../../../src/errors.ts'
import { CLIENT_LEFT } from '../../../src/http/request-deadline.ts'
import { createAuthRepository } from '../../../src/resources/auth/repository.ts'
import type { Tokens } from '../../../src/resources/auth/schema.ts'
import { SecurityLog } from '../../../src/resources/auth/security-log.ts'
import { createAuthService, type AuthService, type SignInLimits } from '../../../src/resources/auth/service.ts'
import { systemClock } from '../../../src/programs.ts'
import { categoryLogger } from '@plimsoll/telemetry'
import { demoDatabase } from '../../fixture/demo-database.ts'
import { testApp, type TestApp } from '../../fixture/test-app.ts'

t.setTimeout(60_000)

interface Answer {
  readonly status: number
  readonly headers: Record<string, unknown>
  readonly text: string
}

const database = await demoDatabase(t)
const { sql } = database
// Limits of sign-ins are not what this is about.
const options = { features: { rateLimit: false } }
const one = await testApp(t, database.url, options)
const two = await testApp(t, database.url, options)

const PASSWORD = 'kestrel-mango-91'
const OTHER_PASSWORD = 'walrus paints the fence'
const ADDRESS = '192.0.2.7'

async function send(
  method: 'POST' | 'PUT' | 'GET',
  path: string,
  body?: object,
  { worker = one, token, address = ADDRESS }: { worker?: TestApp; token?: string; address?: string } = {},
): Promise<Answer> {
  const {
    statusCode,
    headers,
    body: text,
  } = await worker.app.inject({
    method,
    url: `/api/auth/${path}`,
    remoteAddress: address,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { payload: body }),
  })
  return { status: statusCode, headers, text }
}

const codeOf = ({ text }: Answer): unknown => (JSON.parse(text) as { code?: unknown }).code

let people = 0
/** Nobody's yet. */
function somebody() {
  people += 1
  return {
    email: `Person.${people}@Example.org`,
    username: `person-${people}`,
    displayName: `Person ${people}`,
    password: PASSWORD,
  }
}

async function signedUp(): Promise<ReturnType<typeof somebody> & { readonly id: number }> {
  const person = somebody()
  await send('POST', 'signup', person)
  const [row] = await sql<{ id: string }[]>`select id from users where email = ${person.email}`
  if (row === undefined) throw new Error('not signed up')
  return { ...person, id: Number(row.id) }
}

const signIn = ({ email, password }: { email: string; password: string }, worker = one) =>
  send('POST', 'login', { email, password }, { worker })

/** How many hashes are computed, and how many calls the database gets, by whatever `work` does. */
async function costs(work: () => Promise<unknown>, { dependencies } = one): Promise<{ hashes: number; calls: number }> {
  const { hashSlots } = dependencies.auth
  const run = hashSlots.run.bind(hashSlots)
  let hashes = 0
  const before = dependencies.database.figures().queriesTotal
  hashSlots.run = (hashing, signal) => {
    hashes += 1
    return run(hashing, signal)
  }
  await work().finally(() => void Reflect.deleteProperty(hashSlots, 'run'))
  return { hashes, calls: dependencies.database.figures().queriesTotal - before }
}

/** All that could tell one answer from another, but for what differs between any two. */
function shapeOf({ status, headers, text }: Answer): object {
  const { requestId: _, ...body } = JSON.parse(text) as Record<string, unknown>
  return { status, headers: Object.keys(headers).toSorted(), length: headers['content-length'], body }
}

await t.test('who signs up can log in, with the address in any case, and gets all that is needed', async t => {
  const person = somebody()
  const answer = await send('POST', 'signup', person)
  t.equal(answer.status, 202)
  t.equal(answer.headers['cache-control'], 'no-store')
  t.match(JSON.parse(answer.text), { message: /log in/i })
  t.notMatch(answer.text, /token|person/i)
  for (const email of [person.email, person.email.toLowerCase(), person.email.toUpperCase()]) {
    const login = await signIn({ email, password: PASSWORD }, two)
    t.equal(login.status, 200)
    t.equal(login.headers['cache-control'], 'no-store')
    const tokens = JSON.parse(login.text) as Tokens
    t.same(Object.keys(tokens), ['accessToken', 'expiresAt', 'refreshToken', 'refreshExpiresAt', 'user'])
    t.match(tokens.user, {
      email: person.email,
      username: person.username,
      displayName: person.displayName,
      userType: 'learner',
    })
    t.ok(Date.parse(tokens.expiresAt) - Date.now() <= 900_000)
    t.ok(Date.parse(tokens.refreshExpiresAt) > Date.parse(tokens.expiresAt))
    const verified = await send('GET', 'verify', undefined, { token: tokens.accessToken })
    t.equal(verified.headers['cache-control'], 'no-store')
    t.same(JSON.parse(verified.text), { userId: tokens.user.id, userType: 'learner', expiresAt: tokens.expiresAt })
    const profile = await send('GET', 'profile', undefined, { token: tokens.accessToken })
    t.match(JSON.parse(profile.text), { ...tokens.user, createdAt: /^\d{4}-.*Z$/ })
  }
  const [stored] = await sql<{ hash: string }[]>`
    select password_hash as hash from credentials c join users u on u.id = c.user_id where u.email = ${person.email}`
  t.match(stored?.hash, /^\$argon2id\$v=19\$m=64,t=1,p=1\$/)
})

await t.test('a sign-up doesn’t tell whether the address was free, by its answer or by what it costs', async t => {
  const known = await signedUp()
  const answers: Answer[] = []
  const free = await costs(async () => answers.push(await send('POST', 'signup', somebody())))
  const taken = await costs(async () =>
    answers.push(
      await send('POST', 'signup', { ...somebody(), email: known.email.toUpperCase(), password: OTHER_PASSWORD }),
    ),
  )
  const [first, second] = answers as [Answer, Answer]
  t.equal(first.status, 202)
  t.same(shapeOf(second), shapeOf(first))
  t.same(taken, free)
  t.same(free, { hashes: 1, calls: 1 })
  t.equal((await signIn({ ...known, password: OTHER_PASSWORD })).status, 401, 'the account is as it was')
  t.equal((await signIn(known)).status, 200)
  const [row, ...others] = await sql`
    select xmax::text::int8 > 0 as locked from users where lower(email) = lower(${known.email})`
  t.same(others, [])
  t.same(row, { locked: true }, 'the transaction has written something here too, so its commit waits for the disk')
})

await t.test('a user name is taken in any case, whoever has the address', async t => {
  const known = await signedUp()
  for (const email of [somebody().email, known.email]) {
    const answer = await send('POST', 'signup', { ...somebody(), email, username: known.username.toUpperCase() })
    t.equal(answer.status, 409)
    t.equal(codeOf(answer), 'API_ERR_USERNAME_TAKEN')
  }
})

await t.test(
  'of twenty sign-ups of one address one makes the account; of one user name one is answered so',
  async t => {
    const person = somebody()
    const workers = [one, two]
    const both = (index: number) => ({ worker: workers[index % 2] as TestApp })
    const sameAddress = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        send('POST', 'signup', { ...person, username: `${person.username}-${index}` }, both(index)),
      ),
    )
    t.same(
      sameAddress.map(({ status }) => status),
      sameAddress.map(() => 202),
    )
    const [count] = await sql`
    select count(*)::int as users, count(c.*)::int as credentials
    from users u left join credentials c on c.user_id = u.id where u.email = ${person.email}`
    t.same(count, { users: 1, credentials: 1 })
    t.equal((await signIn(person)).status, 200)

    const { username } = somebody()
    const sameName = await Promise.all(
      Array.from({ length: 20 }, (_, index) => send('POST', 'signup', { ...somebody(), username }, both(index))),
    )
    const statuses = sameName.map(({ status }) => status)
    t.equal(statuses.filter(status => status === 202).length, 1)
    t.equal(statuses.filter(status => status === 409).length, 19)
  },
)

await t.test('a password that may not be chosen is refused by its rule, and not repeated', async t => {
  for (const [password, rule] of [
    ['sh0rt-1', /fewer than 8/],
    ['Password123!', /everybody tries first/],
    ['x1'.repeat(65), /more than 128/],
  ] as const) {
    let answer: Answer = { status: 0, headers: {}, text: '{}' }
    const cost = await costs(async () => (answer = await send('POST', 'signup', { ...somebody(), password })))
    t.same(cost, { hashes: 0, calls: 0 })
    t.equal(answer.status, 400)
    t.equal(codeOf(answer), 'API_ERR_PASSWORD_REFUSED')
    t.match(JSON.parse(answer.text), { issues: [{ field: 'body.password', message: rule }] })
    t.notOk(answer.text.includes(password))
  }
  const person = { ...somebody(), password: 'é 漢字 😀😀 '.padEnd(90, 'ab cd') }
  t.equal((await send('POST', 'signup', person)).status, 202)
  t.equal((await signIn(person)).status, 200)
  t.equal((await signIn({ ...person, password: person.password.slice(0, 72) })).status, 401, 'nothing is cut off')
})

await t.test('what is no such field, or no such text, is refused by name', async t => {
  const person = somebody()
  for (const [field, value] of [
    ['userType', 'admin'],
    ['id', 1],
    ['isAdmin', true],
    ['email', 'no address'],
    ['email', 'two@at@example.org'],
    ['email', `${'x'.repeat(250)}@example.org`],
    ['email', 'a@b\r\nc'],
    ['username', 'x'],
    ['username', 'a b'],
    ['displayName', ' Ada'],
    ['displayName', 'Ada\r\n{"event":"signed-in"}'],
    ['displayName', '\u202d'.repeat(121)],
    ['password', ''],
    ['password', '😀'.repeat(257)],
    ['password', 'half \ud83d of a character'],
    ['password', { $gt: '' }],
  ] as const) {
    const answer = await send('POST', 'signup', { ...person, [field]: value })
    t.equal(answer.status, 400, field)
    t.match(JSON.parse(answer.text), { code: 'API_ERR_VALIDATION', issues: [{ field: `body.${field}` }] })
  }
  const long = await send('POST', 'login', { email: person.email, password: 'x'.repeat(4096) })
  t.equal(long.status, 413)
  const [count] = await sql`select count(*)::int from users where email = ${person.email}`
  t.same(count, { count: 0 })
})

await t.test('an unknown account, one without a password and a wrong password are one and the same', async t => {
  const known = await signedUp()
  const [demo] = await sql<{ email: string }[]>`select email from users order by id limit 1`
  const tries = {
    wrong: { email: known.email, password: OTHER_PASSWORD },
    unknown: { email: 'nobody@example.org', password: OTHER_PASSWORD },
    withoutPassword: { email: demo?.email ?? '', password: OTHER_PASSWORD },
  }
  const shapes: object[] = []
  for (const [name, credentials] of Object.entries(tries)) {
    let answer: Answer | undefined
    const cost = await costs(async () => (answer = await signIn(credentials)))
    t.equal(answer?.status, 401, name)
    t.equal(answer?.headers['www-authenticate'], 'Bearer')
    t.same(cost, { hashes: 1, calls: 1 }, name)
    shapes.push(shapeOf(answer as Answer))
  }
  const [first, ...others] = shapes
  t.match(first, { body: { code: 'API_ERR_CREDENTIALS' } })
  for (const shape of others) t.same(shape, first)
})

await t.test('a hash of lower cost is replaced when its owner signs in, which ends nothing', async t => {
  const person = await signedUp()
  const session = JSON.parse((await signIn(person)).text) as Tokens
  const cheap = new Passwords({
    parameters: { memoryKib: 16, passes: 1, lanes: 1 },
    slots: new HashSlots({ slots: 1, rest: 0, maxWaiting: 1, maxWaitMs: 1000, clock: systemClock }),
    randomBytes,
  })
  const old = await cheap.hash(PASSWORD)
  await sql`update credentials set password_hash = ${old} where user_id = ${person.id}`
  const stored = async () => {
    const [row] = await sql`select password_hash, version from credentials where user_id = ${person.id}`
    return row
  }

  t.equal((await signIn({ ...person, password: OTHER_PASSWORD })).status, 401)
  t.match(await stored(), { password_hash: old }, 'not by who has not the password')

  // It can't be hashed again now: that's for the next time, and the sign-in is good.
  const { passwords } = one.dependencies.auth
  passwords.hash = async () => {
    throw new ApiError('API_ERR_PASSWORDS_BUSY', 'Busy.')
  }
  const signedIn = await signIn(person)
  Reflect.deleteProperty(passwords, 'hash')
  t.equal(signedIn.status, 200)
  t.match(await stored(), { password_hash: old })
  t.ok(one.logged.some(line => line['userId'] === person.id && line['err'] !== undefined))

  t.same(await costs(() => signIn(person)), { hashes: 2, calls: 3 })
  t.match(await stored(), { password_hash: /\$m=64,t=1,p=1\$/, version: 1 })
  t.same(await costs(() => signIn(person)), { hashes: 1, calls: 2 })
  t.equal((await send('GET', 'verify', undefined, { token: session.accessToken })).status, 200)
})

await t.test('a changed password ends all sessions, for every worker', async t => {
  const person = await signedUp()
  const [here, there] = [await signIn(person), await signIn(person, two)].map(({ text }) => JSON.parse(text) as Tokens)
  const token = here?.accessToken ?? ''
  const change = (currentPassword: string, newPassword: string, worker = one) =>
    send('PUT', 'password', { currentPassword, newPassword }, { token, worker })

  t.equal(codeOf(await change(OTHER_PASSWORD, 'zebra-lantern-44')), 'API_ERR_CREDENTIALS')
  const refused = await change(PASSWORD, 'Password123!')
  t.match(JSON.parse(refused.text), { code: 'API_ERR_PASSWORD_REFUSED', issues: [{ field: 'body.newPassword' }] })
  t.equal((await send('GET', 'verify', undefined, { token })).status, 200, 'nothing has changed')

  const changes = await Promise.all([change(PASSWORD, OTHER_PASSWORD), change(PASSWORD, OTHER_PASSWORD, two)])
  t.same(
    changes.map(({ status }) => status).toSorted((a, b) => a - b),
    [204, 401],
    'of two changes at once one is made',
  )
  const done = changes.find(({ status }) => status === 204)
  t.equal(done?.text, '')
  t.equal(done?.headers['cache-control'], 'no-store')
  for (const tokens of [here, there]) {
    for (const worker of [one, two]) {
      t.equal((await send('GET', 'verify', undefined, { token: tokens?.accessToken ?? '', worker })).status, 401)
    }
    t.equal((await send('POST', 'refresh', { refreshToken: tokens?.refreshToken })).status, 401)
  }
  t.equal((await signIn(person)).status, 401)
  t.equal((await signIn({ ...person, password: OTHER_PASSWORD })).status, 200)
})

await t.test('limits are asked before anything costs, and told of what succeeded', async t => {
  const person = await signedUp()
  const { auth, database: db, logger } = one.dependencies
  interface Asked {
    readonly account: string
    readonly address: string | undefined
    readonly known: boolean
    became: 'failed' | 'succeeded' | 'abandoned'
  }
  const asked: Asked[] = []
  let isRefusing = false
  const limits: SignInLimits = {
    async begin(account, address, isKnownAddress) {
      const attempt: Asked = { account, address, known: await isKnownAddress(), became: 'failed' }
      asked.push(attempt)
      if (isRefusing) throw new ApiError('API_ERR_RATE_LIMITED', 'Too many.', { retryAfterS: 60 })
      return {
        succeeded: () => void (attempt.became = 'succeeded'),
        abandoned: () => void (attempt.became = 'abandoned'),
      }
    },
  }
  const service: AuthService = createAuthService({
    auth,
    repository: createAuthRepository(db),
    profiles: { find: async () => null },
    commonPasswords: { has: () => false },
    limits,
    log: new SecurityLog(categoryLogger(logger, 'security')),
  })
  const from = (address: string) => ({ address, requestId: 'limits-test' })
  const account = person.email.toLowerCase()
  const home = '2001:db8:1:2::3'

  await t.rejects(service.signIn({ ...person, password: OTHER_PASSWORD }, from(home)), { code: 'API_ERR_CREDENTIALS' })
  await service.signIn(person, from(home))
  await service.signIn(person, from('2001:db8:1:2:ffff::1'))
  await t.rejects(service.signIn({ ...person, password: 'x' }, from('2001:db8:1:3::3')), {
    code: 'API_ERR_CREDENTIALS',
  })
  await t.rejects(service.signIn({ email: 'No@Body.org', password: PASSWORD }, from(home)), {
    code: 'API_ERR_CREDENTIALS',
  })
  t.same(asked.splice(0), [
    { account, address: home, known: false, became: 'failed' },
    { account, address: home, known: false, became: 'succeeded' },
    { account, address: '2001:db8:1:2:ffff::1', known: true, became: 'succeeded' },
    { account, address: '2001:db8:1:3::3', known: false, became: 'failed' },
    { account: 'no@body.org', address: home, known: false, became: 'failed' },
  ])
  const change = { currentPassword: OTHER_PASSWORD, newPassword: OTHER_PASSWORD }
  await t.rejects(service.changePassword(person.id, change, from(home)), { code: 'API_ERR_CREDENTIALS' })
  t.same(asked.splice(0), [{ account, address: home, known: true, became: 'failed' }])

  const { passwords } = auth
  passwords.verify = async () => {
    throw new ApiError('API_ERR_PASSWORDS_BUSY', 'Busy.')
  }
  await t.rejects(service.signIn(person, from(home)), { code: 'API_ERR_PASSWORDS_BUSY' })
  passwords.verify = async () => {
    throw new ApiError('API_ERR_DEADLINE', 'The client went away.', { cause: CLIENT_LEFT })
  }
  await t.rejects(service.signIn(person, from(home)), { code: 'API_ERR_DEADLINE' })
  passwords.verify = async () => {
    throw new ApiError('API_ERR_DEADLINE', 'The answer was not ready in time.')
  }
  await t.rejects(service.signIn(person, from(home)), { code: 'API_ERR_DEADLINE' })
  Reflect.deleteProperty(passwords, 'verify')
  t.same(
    asked.splice(0).map(({ became }) => became),
    ['abandoned', 'failed', 'abandoned'],
    'whom we couldn’t serve has not failed; who leaves may have been served',
  )

  isRefusing = true
  const known = await costs(() => t.rejects(service.signIn(person, from(home)), { code: 'API_ERR_RATE_LIMITED' }))
  const unknown = await costs(() =>
    t.rejects(service.signIn({ email: 'no@body.org', password: PASSWORD }, from(home)), {
      code: 'API_ERR_RATE_LIMITED',
    }),
  )
  t.same(known, { hashes: 0, calls: 2 }, 'a right password isn’t even looked at')
  t.same(unknown, known)
  t.same(await costs(() => t.rejects(service.changePassword(person.id, change, from(home)))), { hashes: 0, calls: 2 })

  await sql`update token_families set seen_at = now() - interval '31 days' where user_id = ${person.id}`
  asked.length = 0
  await t.rejects(service.signIn(person, from(home)))
  t.match(asked, [{ known: false }], 'after 30 days it is a new address')
})

await t.test(
  'after five failures an account is closed to strangers, right password or not, and open to its owner',
  async t => {
    const limited = await testApp(t, database.url)
    const person = await signedUp()
    const unknown = { email: 'nobody-at-all@example.org', password: PASSWORD }
    const from = (address: string, credentials: object) =>
      send('POST', 'login', credentials, { worker: limited, address })
    const login = { email: person.email, password: PASSWORD }
    t.equal((await from('198.51.100.1', login)).status, 200)
    for (const { email } of [person, unknown]) {
      for (let count = 0; count < 5; count += 1) {
        t.equal((await from(`192.0.2.${count}`, { email, password: OTHER_PASSWORD })).status, 401)
      }
    }
    const shapes: object[] = []
    for (const credentials of [login, { ...login, password: OTHER_PASSWORD }, unknown]) {
      let refused: Answer | undefined
      const cost = await costs(async () => (refused = await from('203.0.113.9', credentials)), limited)
      t.match(refused, { status: 429, headers: { 'retry-after': /^\d+$/ } })
      const { retryAfterS: _, ...body } = JSON.parse(refused?.text ?? '') as Record<string, unknown>
      const names = Object.keys(refused?.headers ?? {}).toSorted()
      shapes.push([names, cost, { ...body, requestId: undefined }])
      t.equal(cost.hashes, 0)
    }
    for (const shape of shapes) t.same(shape, shapes[0])
    t.equal((await from('198.51.100.1', login)).status, 200, 'from where they have signed in before')
    const lines = limited.logged.filter(({ event }) => event === 'sign-in-limited')
    t.match(lines, [{ userId: person.id, ip: '203.0.113.9', requestId: String }, { userId: person.id }, {}])
    t.equal(lines[2]?.['userId'], undefined)
  },
)

await t.test('the log has a line of each event, and nothing by which anybody could sign in', async t => {
  one.logged.length = 0
  const person = await signedUp()
  await send('POST', 'signup', { ...person, username: 'somebody-else' })
  await signIn({ ...person, password: OTHER_PASSWORD })
  await signIn({ email: 'unknown@example.org', password: OTHER_PASSWORD })
  const tokens = JSON.parse((await signIn(person)).text) as Tokens
  const { accessToken: token } = tokens
  await send('PUT', 'password', { currentPassword: OTHER_PASSWORD, newPassword: OTHER_PASSWORD }, { token })
  await send('PUT', 'password', { currentPassword: PASSWORD, newPassword: OTHER_PASSWORD }, { token })
  const lines = one.logged.filter(line => line['category'] === 'security' && line['event'] !== undefined)
  const subject = { userId: person.id }
  t.match(lines, [
    { event: 'signed-up', ...subject },
    { event: 'sign-in-failed', ...subject },
    { event: 'sign-in-failed' },
    { event: 'signed-in', ...subject, familyId: Number },
    { event: 'password-change-failed', ...subject },
    { event: 'password-changed', ...subject },
  ])
  t.equal(lines.length, 6)
  t.notOk('userId' in (lines[2] ?? {}), 'nobody has the account')
  for (const line of lines) t.match(line, { ip: ADDRESS, requestId: /^test-process/ })
  const whole = JSON.stringify(one.logged)
  const secrets = [person.email, PASSWORD, OTHER_PASSWORD, tokens.accessToken, tokens.refreshToken, 'unknown@example']
  for (const secret of secrets) t.notOk(whole.toLowerCase().includes(secret.toLowerCase()), secret.slice(0, 12))
})
