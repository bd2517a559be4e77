// What a user may have done with all that's kept about them: the whole export, and the erasure, on two workers with one database.
import t from 'tap'
import { SECTIONS, NOBODYS, columnOf } from '../../../src/resources/users/personal-data.ts'
import { createErasureRepository, type ErasureRepository } from '../../../src/resources/users/erasure-repository.ts'
import { Eraser } from '../../../src/resources/users/eraser.ts'
import { createExportRepository } from '../../../src/resources/users/export-repository.ts'
import { exportDocument } from '../../../src/resources/users/export-document.ts'
import { demoDatabase } from '../../fixture/demo-database.ts'
import { testApp, type TestApp } from '../../fixture/test-app.ts'
import { fillTables, MARK, tablesWith, type Somebody } from './somebody.ts'

t.setTimeout(60_000)

const operatorToken = 'a-token-for-tests-only'
const database = await demoDatabase(t)
const { sql } = database
const options = {
  // On a busy machine everything takes its time.
  app: { operatorToken, handlerTimeoutMs: 30_000 },
  features: { rateLimit: false },
  cache: { machine: true, folder: t.testdir() },
}
const one = await testApp(t, database.url, options)
const two = await testApp(t, database.url, options)
const silent = one.dependencies.logger.child({}, { level: 'silent' })

const PASSWORD = 'kestrel-mango-91'
const OTHER_ID = 2

interface Person extends Somebody {
  readonly email: string
  readonly accessToken: string
}

async function call(method: 'GET' | 'HEAD' | 'DELETE' | 'POST', url: string, token?: string, payload?: object) {
  return one.app.inject({
    method,
    url,
    ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
    ...(payload === undefined ? {} : { payload }),
  })
}

const logIn = (email: string, worker: TestApp = one) =>
  worker.app.inject({ method: 'POST', url: '/api/auth/login', payload: { email, password: PASSWORD } })

let people = 0
/** Somebody who has signed in, and has something everywhere. */
async function newPerson(): Promise<Person> {
  people += 1
  const email = `${MARK}-${people}@example.org`
  const signUp = { email, username: `${MARK}-${people}`, displayName: `${MARK} Person`, password: PASSWORD }
  t.equal((await call('POST', '/api/auth/signup', undefined, signUp)).statusCode, 202)
  const { accessToken, user } = (await logIn(email)).json<{ accessToken: string; user: { id: number } }>()
  return { ...(await fillTables(database, user.id, OTHER_ID)), email, accessToken }
}

await t.test(
  'every table of the database, and each of its columns, is known to the export or left out for a reason',
  async t => {
    const columns = await sql<{ table: string; column: string }[]>`
    select relname as table, attname as column
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')`
    const byTable = Map.groupBy(columns, ({ table }) => table)
    const known = new Map<string, string[]>()
    for (const { table, fields, owner, leftOut = {}, joined } of Object.values(SECTIONS)) {
      known.set(table, [...Object.keys(fields).map(columnOf), owner, ...Object.keys(leftOut)])
      if (joined !== undefined)
        known.set(joined.table, [...Object.keys(joined.fields).map(columnOf), ...Object.keys(joined.leftOut)])
    }
    t.same(
      [...byTable.keys()].toSorted(),
      [...known.keys(), ...Object.keys(NOBODYS)].toSorted(),
      'each table is a section, or nobody’s',
    )
    for (const [table, wanted] of known)
      t.same((byTable.get(table) ?? []).map(({ column }) => column).toSorted(), [...new Set(wanted)].toSorted(), table)
  },
)

await t.test(
  'whatever refers to users in the catalogue is exported by that column, and gone or without the person after an erasure',
  async t => {
    const references = await sql<{ table: string; column: string }[]>`
    select c.conrelid::regclass::text as table, a.attname as column
    from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
    where c.contype = 'f' and c.confrelid in ('users'::regclass, 'wallets'::regclass)`
    const owners = Object.values(SECTIONS).map(({ table, owner }) => `${table}.${owner}`)
    t.ok(references.length > 15)
    for (const { table, column } of references) t.ok(owners.includes(`${table}.${column}`), `${table}.${column}`)

    const { userId, accessToken } = await newPerson()
    const rowsOf = async () => {
      const counts = await sql.unsafe<{ name: string; rows: string }[]>(
        references
          .map(
            ({ table, column }) =>
              `select '${table}' as name, count(*) as rows from ${table} where ${column} = ${userId}`,
          )
          .join(' union all '),
      )
      return counts.filter(({ rows }) => Number(rows) > 0).map(({ name }) => name)
    }
    t.equal((await rowsOf()).length, references.length, 'there is something in each')
    t.equal((await call('DELETE', `/api/users/${userId}`, accessToken)).statusCode, 204)
    t.same(await rowsOf(), [])
  },
)

await t.test(
  'the export has all that is kept, by its schema, and no secret; only for the user and operators',
  async t => {
    const person = await newPerson()
    const url = `/api/users/${person.userId}/export`
    const answer = await call('GET', url, person.accessToken)
    t.equal(answer.statusCode, 200)
    t.equal(answer.headers['cache-control'], 'no-store')
    t.match(answer.headers['content-disposition'], /^attachment; filename="user-\d+\.json"$/)
    const document = answer.json<Record<string, unknown[]> & { profile: Record<string, unknown> }>()
    t.same(Object.keys(document), ['exportedAt', ...Object.keys(SECTIONS)])
    t.match(document.profile, { id: person.userId, email: person.email, displayName: `${MARK} Person` })
    t.match(document['credentials'], { passwordHash: 'exists', version: 1 })
    t.match(document['tokens'], [{ token: 'exists', type: 'refresh' }])
    t.match(document['walletTransactions'], [{ sequence: 1, amount: 5, reason: `Reason ${MARK}` }])
    t.match(document['investments'], [{ amount: '12.50' }, { amount: '99.00', status: 'declined' }])
    t.match(document['streaks'], [{ lastActiveOn: '2026-03-01' }])
    t.match(document['blogs'], [{ tags: [MARK] }])
    for (const [name, rows] of Object.entries(document)) t.ok(Object.keys(rows).length > 0, `${name} has something`)

    const rows = await sql<{ secret: string }[]>`
    select password_hash as secret from credentials where user_id = ${person.userId}
    union all select token from user_tokens where user_id = ${person.userId}
    union all select encode(address_hash, 'hex') from token_families where user_id = ${person.userId} and address_hash is not null`
    t.ok(rows.length >= 2)
    for (const { secret } of rows) t.notOk(answer.body.includes(secret), 'not told')

    const operation = (await call('GET', '/openapi.json')).json<{
      paths: Record<string, { get: { responses: Record<string, { content: Record<string, { schema: object }> }> } }>
    }>().paths['/api/users/{id}/export']?.get
    const described = operation?.responses['200']?.content['application/json']?.schema as {
      properties: Record<string, { items?: { properties: object }; properties?: object }>
    }
    t.same(Object.keys(described.properties), Object.keys(document), 'the document describes it')
    for (const [name, rows] of Object.entries(document)) {
      const item = described.properties[name]?.items?.properties
      if (Array.isArray(rows)) t.same(Object.keys(rows[0] as object), Object.keys(item ?? {}), name)
    }

    t.equal((await call('HEAD', url, person.accessToken)).body, '')
    t.equal((await call('GET', url, operatorToken)).statusCode, 200)
    t.equal((await call('GET', url)).statusCode, 401)
    t.equal((await call('GET', `/api/users/${OTHER_ID}/export`, person.accessToken)).statusCode, 403)
    t.equal((await call('DELETE', `/api/users/${OTHER_ID}`, person.accessToken)).statusCode, 403)
    t.equal(
      (await call('GET', '/api/users/999999999/export', operatorToken)).json<{ code: string }>().code,
      'API_ERR_USER_NOT_FOUND',
    )
    t.equal((await call('DELETE', `/api/users/${person.userId}`, operatorToken)).statusCode, 204)
  },
)

await t.test(
  'an export reads page by page, over sessions of any size: each row once, and never much at a time',
  async t => {
    const { userId } = await newPerson()
    // Sessions that are larger than a page, smaller ones, empty ones; and texts of which few fill a page.
    await sql`
    insert into sessions (user_id, title, created_at, last_active_at)
    select ${userId}, 'Session ' || n, now() - n * interval '1 hour', now() from generate_series(1, 40) n`
    await sql`
    insert into chat_messages (session_id, position, role, content)
    select s.id, n + 1, 'user', case when n % 40 = 0 then repeat('x', 100000) else 'Message ' || n end
    from (select id, row_number() over (order by id) as place from sessions where user_id = ${userId}) s
    cross join lateral generate_series(1, case s.place when 2 then 1700 when 3 then 0 else 7 end) n`
    await sql`
    insert into ai_interactions (session_id, model, prompt, prompt_tokens)
    select id, 'model', 'Prompt ' || n, 1 from sessions cross join generate_series(1, 30) n where user_id = ${userId}`
    const repository = createExportRepository(one.dependencies.database)
    let longest = 0
    let text = ''
    const exportedAt = new Date(0)
    for await (const piece of exportDocument({ repository, userId, profile: {}, exportedAt })) {
      longest = Math.max(longest, piece.length)
      text += piece
    }
    const document = JSON.parse(text) as Record<string, { id: number }[]>
    const [wanted] = await sql<{ messages: string[]; interactions: string[] }[]>`
    select (select array_agg(m.id order by m.id) from chat_messages m join sessions s on s.id = m.session_id where s.user_id = ${userId}) as messages,
           (select array_agg(i.id order by i.id) from ai_interactions i join sessions s on s.id = i.session_id where s.user_id = ${userId}) as interactions`
    const idsOf = (name: string) =>
      (document[name] ?? []).map(({ id }) => String(id)).toSorted((a, b) => Number(a) - Number(b))
    t.same(idsOf('chatMessages'), wanted?.messages)
    t.same(idsOf('aiInteractions'), wanted?.interactions)
    t.ok(text.length > 4_000_000, 'it is long')
    t.ok(longest < 600_000, `no piece is: ${longest}`)
    t.equal((await call('DELETE', `/api/users/${userId}`, operatorToken)).statusCode, 204)
  },
)

await t.test(
  'an erasure leaves nothing of the person, ends every session on all workers, and is done once',
  async t => {
    const person = await newPerson()
    const { userId, accessToken, email, blog } = person
    const second = (await logIn(email, two)).json<{ accessToken: string; refreshToken: string }>()
    const profileAt = (worker: TestApp, token: string) =>
      worker.app.inject({ url: '/api/auth/profile', headers: { authorization: `Bearer ${token}` } })
    const read = (worker: TestApp, url: string) => worker.app.inject({ url })
    t.equal((await profileAt(two, second.accessToken)).statusCode, 200)
    for (const worker of [one, two]) {
      t.equal((await read(worker, `/api/blogs/${blog}`)).statusCode, 200)
      t.match((await read(worker, `/api/courses/${person.keptCourse}`)).json(), {
        instructor: { name: `${MARK} Person` },
      })
    }
    t.same(await tablesWith(database, MARK), [
      'ai_interactions',
      'ai_responses',
      'blogs',
      'chat_messages',
      'components',
      'conversations',
      'courses',
      'lessons',
      'notifications',
      'pitches',
      'sessions',
      'uploads',
      'users',
      'wallet_transactions',
    ])
    const unknown = await logIn('nobody-at-all@example.org')
    const erased = await call('DELETE', `/api/users/${userId}`, accessToken)
    t.equal(erased.statusCode, 204)
    t.equal(erased.body, '')
    t.equal(
      (await call('DELETE', `/api/users/${userId}`, accessToken)).statusCode,
      401,
      'again, by a token that was good',
    )
    t.equal((await call('DELETE', `/api/users/${userId}`, operatorToken)).statusCode, 204, 'again, by an operator')
    t.equal((await profileAt(two, second.accessToken)).statusCode, 401, 'at the other worker, at once')
    const refreshed = await two.app.inject({
      method: 'POST',
      url: '/api/auth/refresh',
      payload: { refreshToken: second.refreshToken },
    })
    t.equal(refreshed.statusCode, 401)
    const gone = await logIn(email, two)
    const withoutId = (text: string) => ({ ...(JSON.parse(text) as object), requestId: '' })
    t.equal(gone.statusCode, unknown.statusCode)
    t.same(withoutId(gone.body), withoutId(unknown.body), 'as for an account that never was')

    t.equal((await read(one, `/api/blogs/${blog}`)).statusCode, 404)
    t.match((await read(one, `/api/courses/${person.keptCourse}`)).json(), { instructor: { name: 'Erased user' } })
    t.equal((await read(one, `/api/courses/${person.lonelyCourse}`)).statusCode, 404)
    const dashboard = await call('GET', `/api/gamification/dashboard/${userId}`, operatorToken)
    t.equal(dashboard.statusCode, 404, 'nobody is made again by being looked at')
    t.same(await tablesWith(database, MARK), [])
    const noted = one.logged.find(({ event, userId: of }) => event === 'account-erased' && of === userId)
    t.match(noted, {
      category: 'security',
      isOperator: false,
      ip: '127.0.0.1',
      requestId: erased.headers['x-request-id'],
    })
    t.notOk(
      one.logged.some(line => JSON.stringify(line).toLowerCase().includes(MARK)),
      'nor in the log',
    )
  },
)

await t.test('what others depend on is kept by a stand-in that nothing leads to', async t => {
  const person = await newPerson()
  const { userId, keptCourse, keptPitch, lonelyPitch, otherPitch, sharedConversation } = person
  t.equal((await call('DELETE', `/api/users/${userId}`, person.accessToken)).statusCode, 204)
  const [kept] = await sql`
    select c.instructor_id as id, u.email, u.username, u.display_name, u.erasure,
           p.founder_id = u.id as founder, p.title, p.summary, p.description, p.visibility
    from courses c join users u on u.id = c.instructor_id join pitches p on p.id = ${keptPitch}
    where c.id = ${keptCourse}`
  t.match(kept, {
    display_name: 'Erased user',
    erasure: 'done',
    founder: true,
    title: 'Erased',
    summary: 'Erased',
    description: '',
    visibility: 'private',
  })
  const standIn = Number(kept?.['id'])
  t.not(standIn, userId)
  t.match(kept?.['email'], /^erased-[0-9a-f]{32}@erased\.invalid$/)
  t.same(await sql`select status, amount from investments where investor_id = ${standIn}`, [
    { status: 'paid', amount: '12.50' },
  ])
  t.same(await sql`select pitch_id, status from ndas where user_id = ${standIn}`, [
    { pitch_id: String(otherPitch), status: 'signed' },
  ])
  t.same(await sql`select pitch_id, score from pitch_scores where user_id = ${standIn}`, [
    { pitch_id: String(otherPitch), score: 7 },
  ])
  t.same(await sql`select file_name, storage_key from uploads where user_id = ${standIn}`, [
    { file_name: 'file', storage_key: `kept-${userId}` },
  ])
  t.same(
    await sql`select status from investments where pitch_id = ${keptPitch}`,
    [{ status: 'accepted' }],
    'of another',
  )
  t.same(await sql`select from pitches where id = ${lonelyPitch}`, [], 'nobody has a deal on it')
  t.same((await sql`select viewer_id from pitch_views where pitch_id = ${otherPitch}`).at(-1), { viewer_id: null })
  t.equal((await sql`select from conversations where id = ${sharedConversation}`).length, 1, 'another goes on with it')
  t.equal((await logIn(String(kept?.['email']))).statusCode, 401)

  // Somebody who has nothing that anybody needs leaves no row at all.
  const email = `alone-${MARK}@example.org`
  await call('POST', '/api/auth/signup', undefined, {
    email,
    username: `alone-${MARK}`,
    displayName: 'Alone',
    password: PASSWORD,
  })
  const { accessToken, user } = (await logIn(email)).json<{ accessToken: string; user: { id: number } }>()
  const [before] = await sql<{ count: string }[]>`select count(*) from users`
  t.equal((await call('DELETE', `/api/users/${user.id}`, accessToken)).statusCode, 204)
  const [after] = await sql<{ count: string }[]>`select count(*) from users`
  t.equal(Number(after?.count), Number(before?.count) - 1)
})

await t.test(
  'an erasure that is interrupted anywhere is carried on, with its files; the account is closed from its beginning',
  async t => {
    const { userId, email } = await newPerson()
    await sql`
    insert into chat_messages (session_id, position, role, content)
    select min(id), n + 1, 'user', ${MARK} from sessions cross join generate_series(1, 60) n where user_id = ${userId} group by n`
    const repository = createErasureRepository(one.dependencies.database)
    const removed: string[] = []
    const files = { remove: async (keys: readonly string[]) => void removed.push(...keys) }
    const eraserOf = (changed: Partial<ErasureRepository> = {}) =>
      new Eraser({ repository: { ...repository, ...changed }, files, logger: silent, batchSize: 10 })

    t.equal(await eraserOf().erase(userId, () => false), 'begun', 'no time')
    t.equal((await logIn(email)).statusCode, 401)
    t.same(await repository.unfinished(10), [userId])
    let left = 4
    t.equal(await eraserOf().erase(userId, () => (left -= 1) > 0), 'begun', 'not enough time')
    let calls = 0
    const failing: ErasureRepository['remove'] = async (...given) => {
      calls += 1
      if (calls === 3) throw new Error('The connection was lost.')
      return repository.remove(...given)
    }
    t.equal(await eraserOf({ remove: failing }).erase(userId, () => true), 'begun', 'a failure')
    await t.rejects(eraserOf().carryOnAll(AbortSignal.abort(new Error('The worker ends.'))), {
      message: 'The worker ends.',
    })
    // Written meanwhile, as far as that goes: also what the end finds.
    await sql`insert into blogs (author_id, slug, title, content) values (${userId}, 'late', 'Late', ${MARK})`
    const late: ErasureRepository['end'] = async (...given) => {
      await sql`insert into notifications (user_id, kind, title, body) select ${userId}, 'system', ${MARK}, '' from generate_series(1, 25)`
      return repository.end(...given)
    }
    let ends = 0
    const endLate: ErasureRepository['end'] = (...given) => {
      ends += 1
      return ends === 1 ? late(...given) : repository.end(...given)
    }
    t.equal(await eraserOf({ end: endLate }).carryOnAll(), 1)
    t.ok(ends > 1, 'what came late was found by another round')
    t.same(await repository.unfinished(10), [])
    t.same(await sql`select from users where id = ${userId}`, [])
    t.same([...new Set(removed)].toSorted(), [`lonely-${userId}`, `own-${userId}`])
    t.same(await sql`select from uploads where storage_key in ${sql([...new Set(removed)])}`, [])

    const other = await newPerson()
    t.equal(await eraserOf().erase(other.userId, () => false), 'begun')
    const both = await Promise.all([eraserOf().carryOnAll(), eraserOf().erase(other.userId, () => true)])
    t.same(both[1], 'erased', 'two at once don’t hinder each other')
    t.same(await sql`select from users where id = ${other.userId}`, [])
  },
)

await t.test('of a sign-in and an erasure at once, none leaves a session behind', async t => {
  const person = await newPerson()
  const [signedIn, erased] = await Promise.all([
    logIn(person.email, two),
    call('DELETE', `/api/users/${person.userId}`, person.accessToken),
  ])
  t.equal(erased.statusCode, 204)
  t.same(await sql`select from token_families where user_id = ${person.userId}`, [])
  if (signedIn.statusCode !== 200) return
  const { accessToken } = signedIn.json<{ accessToken: string }>()
  const profile = await one.app.inject({
    url: '/api/auth/profile',
    headers: { authorization: `Bearer ${accessToken}` },
  })
  t.equal(profile.statusCode, 401)
})
