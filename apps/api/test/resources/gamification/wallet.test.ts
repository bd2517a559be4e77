// Wallets over HTTP: what's shown, what's done once per key, what's refused. Concurrency and faults are in ledger.test.ts.
import t from 'tap'
import fc from 'fast-check'
import type { FastifyInstance } from 'fastify'
import { ApiError } from '../../../src/errors.ts'
import type { Dashboard } from '../../../src/resources/gamification/dashboard/schema.ts'
import type { LedgerLine, TransactionResult, WalletPage } from '../../../src/resources/gamification/wallet/schema.ts'
import { createWalletService } from '../../../src/resources/gamification/wallet/service.ts'
import { demoDatabase } from '../../fixture/demo-database.ts'
import { testApp } from '../../fixture/test-app.ts'

const OPERATOR_TOKEN = 'operator-token-of-the-wallet-test'
const OPERATOR = { authorization: `Bearer ${OPERATOR_TOKEN}` }

// On a busy machine a database takes its time.
t.setTimeout(60_000)

const database = await demoDatabase(t)
const { sql } = database
const { app } = await testApp(t, database.url, { app: { operatorToken: OPERATOR_TOKEN } })

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows what the address answers
async function get<Body = WalletPage>(url: string, from = app): Promise<{ status: number; body: Body }> {
  const response = await from.inject({ url: `/api/gamification${url}`, headers: OPERATOR })
  return { status: response.statusCode, body: response.json<Body>() }
}

interface Post {
  readonly key?: string | undefined
  readonly payload?: unknown
  readonly headers?: Record<string, string>
  readonly to?: FastifyInstance
}

const earn = (amount: number, reason = 'Test') => ({ kind: 'earn', amount, reason })
const spend = (amount: number, reason = 'Test') => ({ kind: 'spend', amount, reason })

async function post(userId: number | string, { key, payload, headers = {}, to = app }: Post) {
  const response = await to.inject({
    method: 'POST',
    url: `/api/gamification/wallet/${userId}/transactions`,
    headers: {
      ...OPERATOR,
      'content-type': 'application/json',
      ...(key === undefined ? {} : { 'idempotency-key': key }),
      ...headers,
    },
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
  })
  const { statusCode: status, payload: text } = response
  const body = response.json<TransactionResult & { code: string; detail: string; issues: { field: string }[] }>()
  return { status, text, replayed: response.headers['idempotency-replayed'], body }
}

async function newUser(name: string): Promise<number> {
  const [row] = await sql<[{ id: number }]>`
    insert into users (email, username, display_name) values (${`${name}@example.org`}, ${name}, ${name}) returning id::int`
  return row.id
}

async function stored(userId: number) {
  const [wallet] = await sql<[{ balance: number; last: number }?]>`
    select balance::float8 as balance, last_sequence::int as last from wallets where user_id = ${userId}`
  const lines = await sql<(Omit<LedgerLine, 'createdAt'> & { createdAt: Date })[]>`
    select sequence::int, kind, amount::float8 as amount, balance_after::float8 as "balanceAfter", reason, created_at as "createdAt"
    from wallet_transactions where user_id = ${userId} order by sequence desc`
  return { wallet, lines: lines.map(line => ({ ...line, createdAt: line.createdAt.toISOString() })) }
}

await t.test('a wallet shows its balance and its ledger, newest first, page by page', async t => {
  const [busiest] = await sql<[{ id: number }]>`
    select user_id::int as id from wallet_transactions group by 1 order by count(*) desc limit 1`
  const { wallet, lines } = await stored(busiest.id)
  t.ok(lines.length > 20)
  const seen: LedgerLine[] = []
  let cursor = ''
  do {
    const { status, body } = await get(`/wallet/${busiest.id}?limit=7${cursor && `&cursor=${cursor}`}`)
    t.match({ status, body }, { status: 200, body: { userId: busiest.id, balance: wallet?.balance } })
    seen.push(...body.items)
    cursor = body.next ?? ''
  } while (cursor !== '')
  t.strictSame(seen, lines)
  t.equal((await get(`/wallet/${busiest.id}`)).body.items.length, 20, 'unless said otherwise')
  const exactly = await get(`/wallet/${busiest.id}?limit=${Math.min(50, lines.length)}`)
  t.equal(exactly.body.next === null, lines.length <= 50)
})

await t.test('who has no wallet yet sees an empty one, and looking makes none', async t => {
  const id = await newUser('no-wallet')
  t.strictSame(await get(`/wallet/${id}`), { status: 200, body: { userId: id, balance: 0, items: [], next: null } })
  t.same(await stored(id), { wallet: undefined, lines: [] })
})

await t.test('earning, spending and refunding are lines of the ledger, and make the balance', async t => {
  const id = await newUser('earner')
  const answers = [
    await post(id, { key: 'a', payload: earn(100, 'Lesson completed ✓ 😀') }),
    await post(id, { key: 'b', payload: spend(30) }),
    await post(id, { key: 'c', payload: { kind: 'refund', amount: 5, reason: 'x'.repeat(200) } }),
  ]
  t.same(
    answers.map(({ status, replayed, body }) => [status, replayed, body.balance, body.transaction.amount]),
    [
      [201, undefined, 100, 100],
      [201, undefined, 70, -30],
      [201, undefined, 75, 5],
    ],
  )
  const { wallet, lines } = await stored(id)
  t.same(wallet, { balance: 75, last: 3 })
  t.strictSame(answers.map(({ body }) => body.transaction).toReversed(), lines)
  t.strictSame((await get(`/wallet/${id}`)).body, { userId: id, balance: 75, items: lines, next: null })
})

await t.test('the same key again: the same answer, byte for byte, and nothing is done', async t => {
  const id = await newUser('repeater')
  const first = await post(id, { key: '"quoted key"'.replace(' ', '-'), payload: earn(7, 'Once') })
  await post(id, { key: 'between', payload: earn(1) })
  const again = await post(id, { key: '"quoted-key"', payload: '{ "reason": "Once",\n "amount": 7, "kind": "earn" }' })
  t.same({ ...again, replayed: undefined }, first)
  t.equal(again.replayed, 'true')
  t.equal(again.text, first.text)
  t.same((await stored(id)).wallet, { balance: 8, last: 2 })

  for (const other of [earn(8, 'Once'), spend(7, 'Once'), earn(7, 'once')]) {
    const refused = await post(id, { key: '"quoted-key"', payload: other })
    t.match(refused, { status: 422, body: { code: 'API_ERR_IDEMPOTENCY_KEY_REUSED' } })
  }
  t.same((await stored(id)).wallet, { balance: 8, last: 2 })

  const neighbour = await newUser('neighbour')
  t.match(await post(neighbour, { key: 'between', payload: earn(2) }), { status: 201, body: { balance: 2 } })
})

await t.test('spending more than there is does nothing, and leaves the key free', async t => {
  const id = await newUser('spender')
  t.match(await post(id, { key: 'k', payload: spend(1) }), { status: 409, body: { code: 'API_ERR_WALLET_BALANCE' } })
  t.same(await stored(id), { wallet: undefined, lines: [] })
  await post(id, { key: 'earned', payload: earn(10) })
  t.match(await post(id, { key: 'k', payload: spend(11) }), { status: 409 })
  t.same((await stored(id)).wallet, { balance: 10, last: 1 })
  t.match(await post(id, { key: 'k', payload: spend(10) }), { status: 201, replayed: undefined, body: { balance: 0 } })
  t.match(await post(id, { key: 'k', payload: spend(10) }), { status: 201, replayed: 'true', body: { balance: 0 } })
})

await t.test('a balance stays a number that JSON holds exactly', async t => {
  const id = await newUser('rich')
  const nearly = BigInt(Number.MAX_SAFE_INTEGER) - 5n
  await sql`insert into wallets (user_id, balance, last_sequence) values (${id}, ${String(nearly)}, 0)`
  t.match(await post(id, { key: '6', payload: earn(6) }), { status: 409, body: { code: 'API_ERR_WALLET_LIMIT' } })
  t.match(await post(id, { key: 'big', payload: earn(1e12) }), { status: 409 })
  const { text } = await post(id, { key: '5', payload: earn(5) })
  t.match(text, `"balance":${Number.MAX_SAFE_INTEGER}}`)
  t.match((await get(`/wallet/${id}`)).body, { balance: Number.MAX_SAFE_INTEGER })
  t.match(await post(id, { key: '1', payload: { ...earn(1), kind: 'refund' } }), { status: 409 })
  t.match(await post(id, { key: 'all', payload: spend(1e12) }), { status: 201 })
})

await t.test('only operators, only users, only keys, only what the schema says', async t => {
  const id = await newUser('hostile')
  const ok = earn(1)
  const cases: [what: string, code: string, status: number, request: Post][] = [
    ['no token', 'API_ERR_ACCESS_TOKEN', 401, { key: 'k', payload: ok, headers: { authorization: '' } }],
    ['another token', 'API_ERR_ACCESS_TOKEN', 401, { key: 'k', payload: ok, headers: { authorization: 'Bearer x' } }],
    ['no key', 'API_ERR_IDEMPOTENCY_KEY', 400, { payload: ok }],
    ['a form', 'API_ERR_MEDIA_TYPE', 415, { key: 'k', payload: 'a=1', headers: { 'content-type': 'text/plain' } }],
    ['no JSON', 'API_ERR_MALFORMED_JSON', 400, { key: 'k', payload: '{' }],
    ['too large', 'API_ERR_BODY_TOO_LARGE', 413, { key: 'k', payload: { ...ok, reason: 'x'.repeat(70_000) } }],
  ]
  for (const [what, code, status, request] of cases) t.match(await post(id, request), { status, body: { code } }, what)
  for (const key of ['', ' ', 'a b', 'ä', 'x'.repeat(256), 'tab\tkey', 'one, two', '\u007f'])
    t.match(await post(id, { key, payload: ok }), { status: 400, body: { code: 'API_ERR_IDEMPOTENCY_KEY' } }, key)

  const wrong: [field: string, payload: unknown][] = [
    ...[0, -1, 1.5, 1e12 + 1, '1', null, true, [], {}].map((amount): [string, unknown] => [
      'amount',
      { ...ok, amount },
    ]),
    ...['', 'EARN', 'gift', null, 1, ['earn']].map((kind): [string, unknown] => ['kind', { ...ok, kind }]),
    ...['', 'x'.repeat(201), 'a\u0000b', 'a\ud800b', 'two\nlines', null, 5].map((reason): [string, unknown] => [
      'reason',
      { ...ok, reason },
    ]),
    ['balance', { ...ok, balance: 1e6 }],
    ['kind', {}],
  ]
  for (const [field, payload] of wrong) {
    const { status, body } = await post(id, { key: 'k', payload })
    t.equal(status, 400, JSON.stringify(payload).slice(0, 60))
    t.ok(
      body.issues.some(issue => issue.field === `body.${field}`),
      field,
    )
  }
  for (const payload of ['null', '[]', '"x"', '1', '{"kind":"earn","amount":1e400,"reason":"x"}', '{"__proto__":{}}'])
    t.equal((await post(id, { key: 'k', payload })).status, 400, payload)
  t.same(await stored(id), { wallet: undefined, lines: [] })

  t.match(await post(999_999, { key: 'k', payload: ok }), { status: 404, body: { code: 'API_ERR_USER_NOT_FOUND' } })
  t.match(await post(999_999, { key: 'k', payload: spend(1) }), { status: 404 })
  for (const user of ['0', '-1', 'x', '9007199254740992'])
    t.match(await post(user, { key: 'k', payload: ok }), { status: 400, body: { code: 'API_ERR_VALIDATION' } })
})

await t.test('a cursor of another make is refused', async t => {
  const encode = (text: string) => Buffer.from(text).toString('base64url')
  for (const cursor of [
    'x',
    '=',
    'AAAA',
    '%00',
    encode('0'),
    encode('-1'),
    encode('01'),
    encode('1.5'),
    encode('1:1'),
    `${encode('5')}=`,
    encode('9999999999999999'),
    'a'.repeat(65),
  ]) {
    const { status, body } = await get<{ code: string }>(`/wallet/1?cursor=${encodeURIComponent(cursor)}`)
    t.match({ status, code: body.code }, { status: 400, code: /^API_ERR_(CURSOR|VALIDATION)$/ }, cursor)
  }
  t.match(
    await get(`/wallet/1?cursor=${encode('1')}`),
    { status: 200, body: { items: [], next: null } },
    'before the first',
  )
  t.match(await get('/wallet/1?limit=51'), { status: 400 })
})

await t.test('no body, key or query gives a failure of ours', async t => {
  const text = fc.oneof(fc.string(), fc.constantFrom("'; --", '\u0000', '\ud800', '😀', '\u202e', '\uffff', 'e\u0301'))
  const body = fc.oneof(
    fc.record({
      kind: fc.constantFrom('earn', 'spend', 'refund'),
      amount: fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.double()),
      reason: text,
    }),
    fc.jsonValue(),
  )
  const key = fc.oneof(fc.string({ minLength: 1, maxLength: 255 }), fc.uuid()).filter(key => /^[\x20-\xff]*$/.test(key))
  await fc.assert(
    fc.asyncProperty(body, key, async (payload, key) => {
      const { status } = await post(1, { key, payload })
      return [201, 400, 409, 422].includes(status)
    }),
    { numRuns: 150 },
  )
  t.pass('150 requests')
})

await t.test('what was written shows at once in this worker, in the wallet and in the dashboard', async t => {
  const { app: cached } = await testApp(t, database.url, { app: { operatorToken: OPERATOR_TOKEN }, cache: {} })
  const id = await newUser('cached')
  const look = async () => [
    (await get(`/wallet/${id}`, cached)).body.balance,
    (await get(`/wallet/${id}?limit=1`, cached)).body.items[0]?.sequence,
    (await get<Dashboard>(`/dashboard/${id}`, cached)).body.wallet.balance,
  ]
  t.same(await look(), [0, undefined, 0])
  await post(id, { key: '1', payload: earn(10), to: cached })
  t.same(await look(), [10, 1, 10])
  await post(id, { key: '2', payload: spend(4), to: cached })
  t.same(await look(), [6, 2, 6])
  // Somebody else did it, and was killed before telling anybody: whoever repeats it tells.
  await post(id, { key: '3', payload: earn(1) })
  t.match(await post(id, { key: '3', payload: earn(1), to: cached }), { replayed: 'true' })
  t.same(await look(), [7, 3, 7])
})

await t.test('of a change whose fate nobody knows it is said that the same key may be sent again', async t => {
  const cause = new Error('lost')
  const lost = new ApiError('API_ERR_DATABASE_OUTCOME_UNKNOWN', 'Look before repeating it.', { cause })
  const service = createWalletService({ page: () => Promise.resolve(null) }, { transact: () => Promise.reject(lost) })
  await t.rejects(service.transact(1, 'k', { kind: 'earn', amount: 1, reason: 'x' }), {
    code: 'API_ERR_DATABASE_OUTCOME_UNKNOWN',
    message: /same Idempotency-Key/,
    cause,
    retryAfterS: 1,
  })
})
