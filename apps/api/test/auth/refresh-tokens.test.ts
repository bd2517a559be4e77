// Refresh tokens, their families, credentials and the clean-up, on two pools as two workers have them, at the same moment where that's what matters.
import t from 'tap'
import fc from 'fast-check'
import { createHash, randomBytes } from 'node:crypto'
import { createLogger } from '@plimsoll/telemetry'
import { FakeClock, until } from '@plimsoll/testing'
import { ARGON2_PARAMETERS, decoyHash } from '../../src/auth/argon2-parameters.ts'
import {
  createCredentialsRepository,
  insertCredential,
  type Credential,
} from '../../src/auth/credentials-repository.ts'
import { RefreshTokens, type IssuedToken } from '../../src/auth/refresh-tokens.ts'
import { removeExpiredTokens } from '../../src/auth/token-clean-up.ts'
import { createTokenFamiliesRepository, type Family } from '../../src/auth/token-families-repository.ts'
import { openDatabase, type Database } from '../../src/database/database.ts'
import { systemClock } from '../../src/programs.ts'
import { demoDatabase } from '../fixture/demo-database.ts'

const DAY_MS = 86_400_000
const LIVES = { tokenMs: 7 * DAY_MS, familyMs: 30 * DAY_MS }
const REFUSED = { code: 'API_ERR_REFRESH_TOKEN', status: 401 }

// On a busy machine a database takes its time.
t.setTimeout(60_000)

const { sql, url } = await demoDatabase(t)
/** What caches were told to forget. */
const forgotten: string[] = []
const [database, otherDatabase] = await Promise.all([open(), open()])

async function open(): Promise<Database> {
  const opened = await openDatabase(
    {
      url,
      applicationName: 'refresh-tokens-test',
      minConnections: 0,
      maxConnections: 6,
      connectTimeoutS: 5,
      commandTimeoutS: 10,
      acquireTimeoutMs: 10_000,
      slowQueryMs: 3_600_000,
      batching: true,
      circuitBreaker: false,
      statementStatistics: false,
    },
    {
      logger: createLogger({ level: 'fatal', name: 'test' }),
      clock: systemClock,
      random: { next: () => 0.5 },
      observe: () => {},
      queryCache: {
        getOrLoad: (_statement, load, signal = new AbortController().signal) => load(signal),
        invalidate: async tags => void forgotten.push(...tags),
      },
      outage: undefined,
    },
  )
  t.teardown(() => opened.close())
  return opened
}

const reused: Family[] = []
const onReuse = (family: Family): void => void reused.push(family)
const families = createTokenFamiliesRepository(database, LIVES)
const credentials = createCredentialsRepository(database)
const here = new RefreshTokens(families, { randomBytes, onReuse })
const there = new RefreshTokens(createTokenFamiliesRepository(otherDatabase, LIVES), { randomBytes, onReuse })

const aHash = (): string => decoyHash(ARGON2_PARAMETERS, randomBytes)
const digestOf = (token: string): string => createHash('sha256').update(token).digest('hex')

/** A user of their own for each test, with a password. */
let users = 0
async function newUser(): Promise<number> {
  users += 1
  return database.transaction('test.user', async tx => {
    const [row] = await tx<{ id: number }[]>`
      insert into users (email, username, display_name)
      values (${`somebody-${users}@example.org`}, ${`somebody-${users}`}, 'Somebody') returning id`
    const id = row?.id ?? 0
    await insertCredential(tx, id, aHash())
    return id
  })
}

async function start(userId: number, version = 1): Promise<IssuedToken> {
  const issued = await here.start(userId, version)
  if (issued === null) throw new Error('not started')
  return issued
}

const isLive = async (familyId: number): Promise<boolean> => (await families.find(familyId)) !== null

/** Moves everything of a family back in time: as if `ms` had passed. */
async function age(familyId: number, ms: number): Promise<void> {
  const by = `${ms} ms`
  await sql`update user_tokens set created_at = created_at - ${by}::interval, expires_at = expires_at - ${by}::interval where family_id = ${familyId}`
  await sql`update token_families set created_at = created_at - ${by}::interval, expires_at = expires_at - ${by}::interval where id = ${familyId}`
}

await t.test('a token is 256 bits that say nothing, good for one use, and stored as its digest only', async t => {
  const userId = await newUser()
  const first = await start(userId)
  t.match(first.token, /^plr_[\w-]{43}$/)
  const second = await there.rotate(first.token)
  t.same([second.userId, second.familyId], [userId, first.familyId])
  t.not(second.token, first.token)
  const rows = await sql`select * from user_tokens where family_id = ${first.familyId} order by id`
  t.same(
    rows.map(row => row['token']),
    [digestOf(first.token), digestOf(second.token)],
  )
  const stored = JSON.stringify([rows, await sql`select * from token_families where id = ${first.familyId}`])
  for (const { token } of [first, second]) t.notOk(stored.includes(token.slice(4, 20)))
  t.match(await families.find(first.familyId), { userId, familyId: first.familyId, userType: 'learner' })
  const third = await here.rotate(second.token)
  t.ok(Math.abs(third.expiresAtMs - Date.now() - LIVES.tokenMs) < 600_000)
})

await t.test('who shows a used token ends all that came of the sign-in', async t => {
  const userId = await newUser()
  const other = await start(userId)
  const first = await start(userId)
  const second = await here.rotate(first.token)
  const third = await here.rotate(second.token)
  reused.length = 0
  await t.rejects(there.rotate(first.token), REFUSED)
  t.same(reused, [{ userId, familyId: first.familyId }])
  for (const { token } of [third, second, first]) await t.rejects(here.rotate(token), REFUSED)
  t.equal(reused.length, 1, 'told once')
  t.equal(await isLive(first.familyId), false)
  t.equal(await isLive(other.familyId), true, 'other sign-ins are not touched')
  const [row] = await sql`select revoked_for from token_families where id = ${first.familyId}`
  t.same(row, { revoked_for: 'reuse' })
})

await t.test('what is none, is nobody’s or is for something else is refused in the same words', async t => {
  const userId = await newUser()
  const { token } = await start(userId)
  const verifyEmail = `plr_${randomBytes(32).toString('base64url')}`
  await sql`
    insert into user_tokens (user_id, type, token, expires_at)
    values (${userId}, 'verify-email', ${digestOf(verifyEmail)}, now() + interval '1 day')`
  const unknown = `plr_${randomBytes(32).toString('base64url')}`
  const messages = new Set<string>()
  for (const refused of [
    '',
    'plr_',
    token.slice(4),
    `${token} `,
    token.toUpperCase(),
    "' or 1=1 --",
    unknown,
    verifyEmail,
  ]) {
    const error = await here.rotate(refused).then(
      () => new Error('accepted'),
      (error: Error) => error,
    )
    t.match(error, REFUSED, refused.slice(0, 8))
    messages.add(error.message)
    t.equal(await here.end(refused), null)
  }
  t.equal(messages.size, 1)
  await here.rotate(token)
})

await t.test('of many at the same moment exactly one wins, and the family ends', async t => {
  const userId = await newUser()
  for (let round = 0; round < 12; round += 1) {
    const { token, familyId } = await start(userId)
    const outcomes = await Promise.allSettled(
      Array.from({ length: 2 + (round % 6) }, (_, index) => (index % 2 === 0 ? here : there).rotate(token)),
    )
    const won = outcomes.filter(({ status }) => status === 'fulfilled')
    t.equal(won.length, 1, `round ${round}`)
    for (const outcome of outcomes) if (outcome.status === 'rejected') t.match(outcome.reason, REFUSED)
    const [made] = await sql`select count(*)::int as count from user_tokens where family_id = ${familyId}`
    t.same(made, { count: 2 }, 'one successor')
    const [winner] = won as PromiseFulfilledResult<IssuedToken>[]
    await t.rejects(here.rotate(winner?.value.token ?? ''), REFUSED)
    t.equal(await isLive(familyId), false)
  }
})

await t.test(
  'a renewal whose answer was lost on the way from the database is found again, by its own call',
  async t => {
    const { token, familyId } = await start(await newUser())
    const next = `plr_${randomBytes(32).toString('base64url')}`
    const once = await families.rotate(digestOf(token), digestOf(next))
    t.match(once, { outcome: 'rotated', familyId })
    t.same(await families.rotate(digestOf(token), digestOf(next)), once)
    t.equal(await isLive(familyId), true)
    t.equal((await here.rotate(next)).familyId, familyId)
  },
)

await t.test('signing out ends one sign-in, or all, at once and for every worker', async t => {
  const userId = await newUser()
  const stranger = await start(await newUser())
  const [one, two, three] = [await start(userId), await start(userId), await start(userId)]
  t.same(await there.end(one.token), { userId, familyId: one.familyId })
  t.equal(await there.end(one.token), null, 'it had ended')
  await t.rejects(here.rotate(one.token), REFUSED)
  t.equal(await families.revoke({ userId: stranger.userId, familyId: two.familyId }), false, 'not that of another')
  t.equal(await families.revoke(two), true)
  t.equal(await families.revoke(two), false)
  t.equal(await families.revokeAll(userId), 1)
  for (const { token, familyId } of [one, two, three]) {
    await t.rejects(there.rotate(token), REFUSED)
    t.equal(await isLive(familyId), false)
  }
  t.equal(await isLive(stranger.familyId), true)
  const used = await start(userId)
  await here.rotate(used.token)
  t.same(await here.end(used.token), { userId, familyId: used.familyId }, 'also by a token that was used')
})

await t.test('caches are told of every revocation, and of nothing else', async t => {
  const told = async (work: () => Promise<unknown>): Promise<string[]> => {
    forgotten.length = 0
    await work()
    return forgotten.filter(tag => !tag.startsWith('table:'))
  }
  const userId = await newUser()
  const [one, two, three] = [await start(userId), await start(userId), await start(userId)]
  const credential = (await credentials.findByUser(userId)) as Credential
  t.same(await told(() => start(userId)), [])
  t.same(await told(() => here.rotate(one.token)), [])
  t.same(await told(() => here.rotate(one.token).catch(() => {})), [`session:${one.familyId}`])
  t.same(await told(() => here.end(two.token)), [`session:${two.familyId}`])
  t.same(await told(() => families.revoke(three)), [`session:${three.familyId}`])
  t.same(await told(() => families.revokeAll(userId)), [`user:${userId}:sessions`])
  t.same(await told(() => credentials.rehash(credential, credential.passwordHash)), [])
  t.same(await told(() => credentials.change(credential, aHash())), [`user:${userId}:sessions`])
  t.same(forgotten.toSorted(), ['table:public.token_families', `user:${userId}:sessions`])
  t.same(await told(() => families.removeExpired(0, 10)), [])
  t.same(forgotten, [])
})

await t.test('no renewal escapes a sign-out of the same moment', async t => {
  const userId = await newUser()
  for (let round = 0; round < 8; round += 1) {
    const { token, familyId } = await start(userId)
    const [renewed] = await Promise.allSettled([there.rotate(token), families.revokeAll(userId)])
    t.equal(await isLive(familyId), false)
    if (renewed.status === 'fulfilled') await t.rejects(here.rotate(renewed.value.token), REFUSED)
  }
})

await t.test('nobody comes in by a password that is changed while they do', async t => {
  const userId = await newUser()
  let credential = (await credentials.findByUser(userId)) as Credential
  for (let round = 0; round < 8; round += 1) {
    const { version } = credential
    const work = [there.start(userId, version), credentials.change(credential, aHash()), here.start(userId, version)]
    const [one, changed, two] = await Promise.all(work)
    t.equal(changed, version + 1)
    for (const begun of [one, two] as (IssuedToken | null)[]) {
      if (begun !== null) t.equal(await isLive(begun.familyId), false)
    }
    t.equal(await here.start(userId, version), null)
    t.equal(await credentials.change(credential, aHash()), null, 'a second change of the same password')
    credential = (await credentials.findByUser(userId)) as Credential
  }
  // The change is written and not committed: who verified the old password waits for it.
  const { version } = credential
  const begun = await sql.begin(async tx => {
    await tx`update credentials set version = version + 1 where user_id = ${userId}`
    const beginning = here.start(userId, version)
    const waits = until(
      async () => {
        const waiting = await sql`
          select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
        return waiting.length > 0
      },
      { what: 'the sign-in to wait' },
    )
    await Promise.race([waits, beginning])
    return { beginning }
  })
  t.equal(await begun.beginning, null)
  await sql`delete from users where id = ${userId}`
  t.equal(await here.start(userId, credential.version), null)
  t.equal(await credentials.findByUser(userId), null)
})

await t.test('a password is found by the address in any case, and hashed again only as it was', async t => {
  const userId = await newUser()
  const [user] = await sql<{ email: string }[]>`select email from users where id = ${userId}`
  const credential = (await credentials.findByEmail(user?.email.toUpperCase() ?? '')) as Credential
  t.match(credential, { userId, version: 1 })
  t.equal(await credentials.findByEmail('nobody@example.org'), null)
  const session = await start(userId)
  const again = aHash()
  t.equal(await credentials.rehash(credential, again), true)
  t.equal(await credentials.rehash(credential, aHash()), false, 'another worker was quicker')
  t.match(await credentials.findByUser(userId), { version: 1, passwordHash: again })
  t.equal(await isLive(session.familyId), true, 'nobody is signed out by it')
  await credentials.change(credential, aHash())
  t.equal(await credentials.rehash({ ...credential, passwordHash: again }, aHash()), false, 'an old password stays old')
})

await t.test('a token expires when it is not used, and the family however often it is', async t => {
  const userId = await newUser()
  const idle = await start(userId)
  await age(idle.familyId, LIVES.tokenMs + 1)
  await t.rejects(here.rotate(idle.token), REFUSED)
  t.equal(await isLive(idle.familyId), true, 'of itself that ends nothing: access tokens are shorter anyway')
  let last = await start(userId)
  const { familyId } = last
  const passMs = 6 * DAY_MS
  for (let passed = passMs; passed < LIVES.familyMs; passed += passMs) {
    await age(familyId, passMs)
    last = await there.rotate(last.token)
  }
  const family = await families.find(familyId)
  t.equal(last.expiresAtMs, family?.expiresAt.getTime(), 'cut off at the end of the family')
  await age(familyId, passMs)
  await t.rejects(here.rotate(last.token), REFUSED)
  t.equal(await isLive(familyId), false)
})

await t.test('whatever users do, in whatever order, tokens are good as they should be', async () => {
  /** What the test believes: a family with its tokens, of which the last one is good while the family is. */
  interface Model {
    readonly familyId: number
    readonly tokens: string[]
    live: boolean
  }
  const action = fc.record({
    do: fc.constantFrom('start', 'rotate', 'rotate', 'rotate', 'replay', 'end', 'end all', 'expire', 'clean up'),
    which: fc.nat(5),
    where: fc.constantFrom(here, there),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 3, maxLength: 18 }), async actions => {
      const userId = await newUser()
      const models: Model[] = []
      const begin = async (): Promise<void> => {
        const { familyId, token } = await start(userId)
        models.push({ familyId, tokens: [token], live: true })
      }
      const rotates = (who: RefreshTokens, token: string) => who.rotate(token).catch(() => null)
      await begin()
      for (const { do: what, which, where } of actions) {
        const model = models[which % models.length] as Model
        const last = model.tokens.at(-1) ?? ''
        if (what === 'start') await begin()
        else if (what === 'rotate') {
          const next = await rotates(where, last)
          if ((next !== null) !== model.live) return false
          if (next !== null) model.tokens.push(next.token)
        } else if (what === 'replay') {
          const used = model.tokens.at(-2 - which)
          if (used === undefined) continue
          if ((await rotates(where, used)) !== null) return false
          model.live = false
        } else if (what === 'end') {
          const ended = await where.end(model.tokens[which % model.tokens.length] ?? '')
          // A family that has expired may be gone.
          if (model.live && ended === null) return false
          model.live = false
        } else if (what === 'end all') {
          await families.revokeAll(userId)
          for (const each of models) each.live = false
        } else if (what === 'expire') {
          await age(model.familyId, LIVES.familyMs + 1)
          model.live = false
        } else {
          await families.removeExpired(0, 1000)
        }
        for (const each of models) if ((await isLive(each.familyId)) !== each.live) return false
      }
      return true
    }),
    { numRuns: 12 },
  )
})

await t.test('what has expired is taken away in batches, by several workers at once, and nothing else', async t => {
  await families.removeExpired(0, 100_000)
  const userId = await newUser()
  const [kept, old] = [await start(userId), await start(userId)]
  let last = old
  for (let count = 0; count < 25; count += 1) last = await here.rotate(last.token)
  await families.revokeAll(userId)
  await age(old.familyId, LIVES.familyMs + DAY_MS)
  const batches: number[] = []
  const clock = new FakeClock()
  const counted = (repository: typeof families) => ({
    async removeExpired(...args: Parameters<typeof families.removeExpired>) {
      const count = await repository.removeExpired(...args)
      batches.push(count)
      // Time passes only when somebody waits for it.
      setImmediate(() => clock.advance(100))
      return count
    },
  })
  const options = { keepMs: 60 * DAY_MS, batchSize: 10, pauseMs: 100, clock }
  t.equal(await removeExpiredTokens(counted(families), options), 0, 'kept for a while')
  const both = [families, createTokenFamiliesRepository(otherDatabase, LIVES)]
  const removed = await Promise.all(both.map(each => removeExpiredTokens(counted(each), { ...options, keepMs: 0 })))
  t.ok(batches.every(count => count <= 10))
  // Who found rows in another's hand has left them; then there's one more time.
  const rest = await removeExpiredTokens(counted(families), { ...options, keepMs: 0 })
  t.equal((removed[0] ?? 0) + (removed[1] ?? 0) + rest, 26 + 1, 'tokens and their family')
  const left = await sql`select id from token_families where user_id = ${userId}`
  t.same([...left], [{ id: String(kept.familyId) }], 'revoked, and not expired: a used token of it is still known')
  const stop = new AbortController()
  const endless = { removeExpired: () => Promise.resolve(10) }
  const stopped = t.rejects(removeExpiredTokens(endless, options, stop.signal), { message: 'stopping' })
  await new Promise(resolve => void setImmediate(resolve))
  stop.abort(new Error('stopping'))
  await stopped
  t.equal(clock.pending, 0)
})
