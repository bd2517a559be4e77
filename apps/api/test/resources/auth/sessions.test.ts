// What becomes of a session: renewing, ending, being stolen; on two workers of one machine whose cache is on, so that what one ends the other must know at once.
import t from 'tap'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { categoryLogger } from '@plimsoll/telemetry'
import { ApiError } from '../../../src/errors.ts'
import { createAuthRepository } from '../../../src/resources/auth/repository.ts'
import type { Profile, Tokens } from '../../../src/resources/auth/schema.ts'
import { SecurityLog } from '../../../src/resources/auth/security-log.ts'
import { createAuthService } from '../../../src/resources/auth/service.ts'
import { userTags } from '../../../src/resources/gamification/users.ts'
import { demoDatabase } from '../../fixture/demo-database.ts'
import { NO_CACHE, testApp, type TestApp } from '../../fixture/test-app.ts'

t.setTimeout(60_000)

const database = await demoDatabase(t)
const { sql } = database
const folder = mkdtempSync(path.join(tmpdir(), 'api-auth-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const options = { cache: { ...NO_CACHE, machine: true, folder }, features: { rateLimit: false } }
const one = await testApp(t, database.url, options)
const two = await testApp(t, database.url, options)
const workers = [one, two]

const PASSWORD = 'kestrel-mango-91'
const ADDRESS = '192.0.2.7'

interface Answer {
  readonly status: number
  readonly headers: Record<string, unknown>
  readonly text: string
}

async function send(
  worker: TestApp,
  method: 'GET' | 'POST',
  url: string,
  given: { body?: object; token?: string } = {},
) {
  const { body, token } = given
  const response = await worker.app.inject({
    method,
    url: `/api/auth/${url}`,
    remoteAddress: ADDRESS,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { payload: body }),
  })
  return { status: response.statusCode, headers: response.headers, text: response.body } as Answer
}

const tokensOf = ({ text }: Answer): Tokens => JSON.parse(text) as Tokens
const refresh = (refreshToken: string, worker = one) => send(worker, 'POST', 'refresh', { body: { refreshToken } })
const logOut = (refreshToken: string, worker = one) => send(worker, 'POST', 'logout', { body: { refreshToken } })

/** Whether each worker still lets it in. */
async function isIn(token: string): Promise<boolean[]> {
  const answers = await Promise.all(workers.map(worker => send(worker, 'GET', 'verify', { token })))
  return answers.map(({ status }) => status === 200)
}
const IN = [true, true]
const OUT = [false, false]

let people = 0
async function newUser(): Promise<{ id: number; email: string; signIn: (worker?: TestApp) => Promise<Tokens> }> {
  people += 1
  const email = `person-${people}@example.org`
  const person = { email, username: `person-${people}`, displayName: `Person ${people}`, password: PASSWORD }
  await send(one, 'POST', 'signup', { body: person })
  const signIn = async (worker = one) =>
    tokensOf(await send(worker, 'POST', 'login', { body: { email, password: PASSWORD } }))
  const [row] = await sql<{ id: string }[]>`select id from users where email = ${email}`
  return { id: Number(row?.id), email, signIn }
}

await t.test('without a token that is good nobody comes in, whatever is wrong with it', async t => {
  const { signIn } = await newUser()
  const { accessToken, refreshToken } = await signIn()
  const [head, payload, signature] = accessToken.split('.') as [string, string, string]
  const bodies = new Set<string>()
  for (const token of [
    undefined,
    '',
    refreshToken,
    `${head}.${payload}.`,
    `${head}.${signature}.${payload}`,
    'x.y.z',
  ]) {
    for (const url of ['verify', 'profile']) {
      const { status, headers, text } = await send(one, 'GET', url, token === undefined ? {} : { token })
      t.equal(status, 401)
      t.equal(headers['www-authenticate'], 'Bearer')
      bodies.add(text.replace(/"requestId":"[^"]*"/, ''))
    }
  }
  t.equal(bodies.size, 1)
  t.same(await isIn(accessToken), IN)
})

await t.test('a refresh token is good for one use; who uses it again ends the session for everybody', async t => {
  const { id, signIn } = await newUser()
  const other = await signIn()
  const first = await signIn()
  const answer = await refresh(first.refreshToken, two)
  t.equal(answer.status, 200)
  t.equal(answer.headers['cache-control'], 'no-store')
  const second = tokensOf(answer)
  t.same(second.user, first.user)
  t.not(second.refreshToken, first.refreshToken)
  t.same(await isIn(first.accessToken), IN)
  t.same(await isIn(second.accessToken), IN)

  one.logged.length = 0
  const reused = await refresh(first.refreshToken)
  t.equal(reused.status, 401)
  t.equal(reused.headers['www-authenticate'], 'Bearer')
  t.match(JSON.parse(reused.text), { code: 'API_ERR_REFRESH_TOKEN' })
  t.same(await isIn(first.accessToken), OUT)
  t.same(await isIn(second.accessToken), OUT)
  t.equal((await refresh(second.refreshToken)).status, 401)
  t.same(await isIn(other.accessToken), IN, 'another sign-in is not touched')
  const line = { event: 'refresh-token-reused', userId: id, ip: ADDRESS, requestId: String, category: 'security' }
  const lines = one.logged.filter(({ event }) => event === 'refresh-token-reused')
  t.match(lines, [line])
  t.equal(lines.length, 1)

  const refusals = [
    reused,
    await refresh(`plr_${'A'.repeat(43)}`),
    await refresh('x'),
    await refresh(other.accessToken.slice(0, 128)),
  ]
  const shapes = refusals.map(({ status, headers, text }) => [
    status,
    Object.keys(headers).toSorted(),
    text.replace(/"requestId":"[^"]*"/, ''),
  ])
  for (const shape of shapes) t.same(shape, shapes[0])
})

await t.test('of ten uses of one token at once exactly one wins, and the session ends', async t => {
  const { signIn } = await newUser()
  const { accessToken, refreshToken } = await signIn()
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, index) => refresh(refreshToken, workers[index % 2] as TestApp)),
  )
  const won = answers.filter(({ status }) => status === 200)
  t.equal(won.length, 1)
  t.ok(answers.every(({ status }) => status === 200 || status === 401))
  t.equal((await refresh(tokensOf(won[0] as Answer).refreshToken)).status, 401)
  t.same(await isIn(accessToken), OUT)
})

await t.test('who logs out is out at once, on every worker, by any token of the session', async t => {
  const { id, signIn } = await newUser()
  const [kept, ended] = [await signIn(), await signIn(two)]
  t.same(await isIn(ended.accessToken), IN)
  two.logged.length = 0
  const answer = await logOut(ended.refreshToken, two)
  t.equal(answer.status, 204)
  t.equal(answer.text, '')
  t.equal(answer.headers['cache-control'], 'no-store')
  t.same(await isIn(ended.accessToken), OUT)
  t.same(await isIn(kept.accessToken), IN)
  t.equal((await refresh(ended.refreshToken)).status, 401)
  t.match(
    two.logged.filter(({ event }) => event !== undefined),
    [{ event: 'signed-out', userId: id, ip: ADDRESS, requestId: String }],
  )

  for (const nothing of [ended.refreshToken, `plr_${'A'.repeat(43)}`, 'x']) {
    t.equal((await logOut(nothing)).status, 204)
  }
  const renewed = tokensOf(await refresh(kept.refreshToken))
  t.equal((await logOut(kept.refreshToken)).status, 204)
  t.same(await isIn(renewed.accessToken), OUT, 'also by one that was used')
})

await t.test('an end that nobody was told of is told by whoever comes again', async t => {
  const person = await newUser()
  const ended = await person.signIn()
  t.same(await isIn(ended.accessToken), IN)
  // As if a worker had been killed between its commit and the word to the others.
  await sql`update token_families set revoked_at = now(), revoked_for = 'logout' where user_id = ${person.id}`
  t.same(await isIn(ended.accessToken), IN, 'nobody knows')
  t.equal((await logOut(ended.refreshToken)).status, 204)
  t.same(await isIn(ended.accessToken), OUT)

  const stolen = await person.signIn()
  const renewed = tokensOf(await refresh(stolen.refreshToken))
  t.same(await isIn(renewed.accessToken), IN)
  await sql`
    update token_families set revoked_at = now(), revoked_for = 'reuse' where user_id = ${person.id} and revoked_at is null`
  t.equal((await refresh(stolen.refreshToken)).status, 401)
  t.same(await isIn(renewed.accessToken), OUT)
})

await t.test('an address is known as long as its tokens are renewed there', async t => {
  const person = await newUser()
  const tokens = await person.signIn()
  const { addressMarks, families } = one.dependencies.auth
  const isKnown = (address: string) => families.wasSeenAt(person.id, addressMarks.anyOf(person.id, address))
  t.equal(await isKnown(ADDRESS), true)
  await sql`
    update token_families set created_at = now() - interval '60 days', seen_at = now() - interval '31 days'
    where user_id = ${person.id}`
  t.equal(await isKnown(ADDRESS), false, 'not been there for a month')
  t.equal((await refresh(tokens.refreshToken)).status, 200)
  t.equal(await isKnown(ADDRESS), true)
  t.equal(await isKnown('192.0.2.8'), false)
})

await t.test('logging out everywhere ends all sessions of the user, and nobody else’s', async t => {
  const { id, signIn } = await newUser()
  const stranger = await (await newUser()).signIn()
  const sessions = [await signIn(), await signIn(two), await signIn()]
  for (const { accessToken } of sessions) t.same(await isIn(accessToken), IN)
  one.logged.length = 0
  const token = sessions[0]?.accessToken ?? ''
  t.equal((await send(one, 'POST', 'logout-everywhere', { token })).status, 204)
  for (const { accessToken, refreshToken } of sessions) {
    t.same(await isIn(accessToken), OUT)
    t.equal((await refresh(refreshToken, two)).status, 401)
  }
  t.same(await isIn(stranger.accessToken), IN)
  t.match(one.logged, [{ event: 'signed-out-everywhere', userId: id, ip: ADDRESS, requestId: String }])
  t.equal((await send(one, 'POST', 'logout-everywhere', { token })).status, 401)
  const sent = await send(one, 'POST', 'logout-everywhere', { token: stranger.accessToken, body: { userId: id } })
  t.equal(sent.status, 400, 'what it doesn’t take isn’t passed over')
  t.same(await isIn(stranger.accessToken), IN)
  t.same(await isIn((await signIn()).accessToken), IN)
})

await t.test('a renewal at the moment of a log out is out as well', async t => {
  const { signIn } = await newUser()
  for (let round = 0; round < 6; round += 1) {
    const { accessToken, refreshToken } = await signIn()
    const [renewed] = await Promise.all([
      refresh(refreshToken, two),
      send(one, 'POST', 'logout-everywhere', { token: accessToken }),
    ])
    t.same(await isIn(accessToken), OUT)
    if (renewed.status === 200) t.same(await isIn(tokensOf(renewed).accessToken), OUT)
  }
})

await t.test('a profile is kept, and after a change nobody is shown the one before', async t => {
  const { id, signIn } = await newUser()
  const { accessToken: token } = await signIn()
  const profileOn = async (worker: TestApp) =>
    JSON.parse((await send(worker, 'GET', 'profile', { token })).text) as Profile
  const calls = () => two.dependencies.database.figures().queriesTotal
  const first = await profileOn(one)
  t.same(await profileOn(two), first)
  const before = calls()
  t.same(await profileOn(two), first)
  t.equal(calls(), before, 'neither session nor profile are asked of the database')
  for (const name of ['Grace', 'Ada', 'Edsger']) {
    await sql`update users set display_name = ${name} where id = ${id}`
    await one.dependencies.cache.invalidateTags([userTags.one(id)])
    t.match(await profileOn(two), { displayName: name })
    t.match(await profileOn(one), { displayName: name })
  }
})

await t.test('a token is not used up when the rest of the answer can’t be had', async t => {
  const { signIn } = await newUser()
  const { refreshToken } = await signIn()
  const { auth, database: db, limits, logger } = one.dependencies
  let isAway = true
  const service = createAuthService({
    auth,
    repository: createAuthRepository(db),
    profiles: {
      async find(userId) {
        if (isAway) throw new ApiError('API_ERR_DATABASE_UNAVAILABLE', 'Away.', { retryAfterS: 1 })
        return createAuthRepository(db).profile(userId)
      },
    },
    commonPasswords: { has: () => false },
    limits: limits.signIns,
    log: new SecurityLog(categoryLogger(logger, 'security')),
  })
  const origin = { address: ADDRESS, requestId: 'away-test' }
  await t.rejects(service.refresh({ refreshToken }, origin), { code: 'API_ERR_DATABASE_UNAVAILABLE' })
  isAway = false
  const tokens = await service.refresh({ refreshToken }, origin)
  t.same(await isIn(tokens.accessToken), IN)
})

await t.test('who is erased is nobody: no token is good, and the address is free', async t => {
  const { id, email, signIn } = await newUser()
  const { accessToken, refreshToken } = await signIn()
  await sql`delete from users where id = ${id}`
  t.equal((await refresh(refreshToken)).status, 401)
  t.equal((await logOut(refreshToken)).status, 204)
  await one.dependencies.cache.invalidateTags([`user:${id}:sessions`, userTags.one(id)])
  t.same(await isIn(accessToken), OUT)
  const login = await send(one, 'POST', 'login', { body: { email, password: PASSWORD } })
  t.match(JSON.parse(login.text), { code: 'API_ERR_CREDENTIALS' })
  const again = { email, username: 'again', displayName: 'Again', password: PASSWORD }
  t.equal((await send(one, 'POST', 'signup', { body: again })).status, 202)
  t.ok((await signIn()).accessToken)
})
