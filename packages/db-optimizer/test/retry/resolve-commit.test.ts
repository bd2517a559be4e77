import postgres from 'postgres'
import t from 'tap'
import { FakeClock, testDatabase, until, type TestScope } from '@plimsoll/testing'
import { nodeTimers } from '../../src/retry/pause.ts'
import { END_QUERY, EPOCH, resolveCommit, STATUS_QUERY, type ResolveQuery } from '../../src/retry/resolve-commit.ts'
import { instantTimers } from './instant-timers.ts'

const database = await testDatabase(t, { template: { key: 'empty', prepare: async () => {} } })
const { sql } = database
const query: ResolveQuery = (text, parameters) => sql.unsafe(text, [...parameters])

/** A client with one connection, in a transaction that has written something. */
async function openTransaction(t: TestScope): Promise<{ client: postgres.Sql; xid: string; pid: number }> {
  const client = postgres(database.url, { max: 1, onnotice: () => {} })
  t.teardown(() => client.end({ timeout: 1 }))
  await client`begin`
  await client`create table ${client(`written_${Math.trunc(performance.now() * 1000)}`)} (id int)`
  const [row] = await client<
    { xid: string; pid: number }[]
  >`select pg_current_xact_id()::text as xid, pg_backend_pid() as pid`
  if (row === undefined) throw new Error('no row')
  return { client, ...row }
}

await t.test('the server tells a committed transaction from one that was undone', async t => {
  const { client, xid } = await openTransaction(t)
  await client`commit`
  t.same(await resolveCommit(xid, query, { timers: nodeTimers }), { status: 'committed' })
  const other = await openTransaction(t)
  await other.client`rollback`
  t.same(await resolveCommit(other.xid, query, { timers: nodeTimers }), { status: 'aborted' })
})

await t.test('one that is lost with its connection is found to be undone', async t => {
  const { xid, pid } = await openTransaction(t)
  await sql`select pg_terminate_backend(${pid})`
  t.same(await resolveCommit(xid, query, { timers: nodeTimers }), { status: 'aborted' })
})

await t.test('one in progress is reported as such when the time is over', async t => {
  const { client, xid } = await openTransaction(t)
  t.same(await resolveCommit(xid, query, { timers: nodeTimers, timeoutMs: 30 }), { status: 'in-progress' })
  await client`rollback`
})

await t.test('a session that would stay in progress for ever is ended, by process and transaction', async t => {
  const { xid, pid } = await openTransaction(t)
  const options = { timers: nodeTimers, timeoutMs: 5000, backendPid: pid, endAfterMs: 5 }
  t.same(await resolveCommit(xid, query, options), { status: 'aborted' })
  await until(async () => (await sql`select from pg_stat_activity where pid = ${pid}`).length === 0, {
    what: 'its end',
  })
})

await t.test("a process that meanwhile has another transaction isn't ended", async t => {
  const { client, pid } = await openTransaction(t)
  await client`commit`
  const other = await openTransaction(t)
  t.same(await resolveCommit(other.xid, query, { timers: nodeTimers, timeoutMs: 30, backendPid: pid, endAfterMs: 1 }), {
    status: 'in-progress',
  })
  t.equal((await client`select 1 as one`).length, 1, 'the process lives')
  await other.client`rollback`
})

await t.test('a server that has crashed since may have given the id to another transaction', async t => {
  const { client, xid } = await openTransaction(t)
  await client`commit`
  const [row] = await sql<{ epoch: string }[]>`select ${sql.unsafe(EPOCH)} as epoch`
  t.same(await resolveCommit(xid, query, { timers: nodeTimers, epoch: row?.epoch }), { status: 'committed' })
  t.same(await resolveCommit(xid, query, { timers: nodeTimers, epoch: '1700000000.5' }), { status: 'restarted' })
  const other = await openTransaction(t)
  await other.client`rollback`
  t.same(await resolveCommit(other.xid, query, { timers: nodeTimers, epoch: '1700000000.5' }), { status: 'aborted' })
})

await t.test('an id of the future is no answer', async t => {
  const seen = await resolveCommit('99999999999', query, { timers: nodeTimers, timeoutMs: 0 })
  t.match(seen, { status: 'unanswered', cause: { code: '22023' } })
})

await t.test('an id that vacuum has forgotten is too old', async t => {
  const seen = await resolveCommit('3', async () => [{ status: null }], { timers: nodeTimers })
  t.same(seen, { status: 'too-old' })
})

await t.test('a question that fails is asked again with growing pauses, until it is answered or too late', async t => {
  const timers = instantTimers()
  let asked = 0
  const failing = (failures: number): ResolveQuery => {
    asked = 0
    return async () => (++asked <= failures ? Promise.reject(new Error('away')) : [{ status: 'committed' }])
  }
  t.same(await resolveCommit('700', failing(4), { timers }), { status: 'committed' })
  t.same(timers.delaysMs, [20, 40, 80, 160])
  const late = await resolveCommit('700', failing(999), { timers, timeoutMs: 1000 })
  t.match(late, { status: 'unanswered', cause: { message: 'away' } })
  t.equal(
    timers.delaysMs.slice(4).reduce((sum, delay) => sum + delay, 0),
    1000,
  )
})

await t.test('a session is ended once, and asked for soon after', async t => {
  const timers = instantTimers()
  const texts: string[] = []
  const never: ResolveQuery = async text => {
    texts.push(text)
    return [{ status: 'in progress' }]
  }
  await resolveCommit('700', never, { timers, backendPid: 5, endAfterMs: 100, timeoutMs: 300 })
  t.equal(texts.filter(text => text === END_QUERY).length, 1)
  t.same([...new Set(texts)], [STATUS_QUERY, END_QUERY])
  t.same(timers.delaysMs.slice(0, 4), [20, 40, 40, 20])
})

await t.test('the signal ends the asking', async t => {
  const clock = new FakeClock()
  const timers = {
    now: () => clock.now(),
    setTimeout: (callback: () => void, delayMs: number) => clock.setTimeout(callback, delayMs),
    clearTimeout: (timer: unknown) => clock.clearTimeout(timer as ReturnType<FakeClock['setTimeout']>),
  }
  const controller = new AbortController()
  const asking = resolveCommit('700', async () => [{ status: 'in progress' }], { timers, signal: controller.signal })
  await until(() => clock.pending === 1, { what: 'the pause' })
  controller.abort()
  t.same(await asking, { status: 'in-progress' })
  t.equal(clock.pending, 0)
})

await t.test('what is no transaction id is refused before it is asked for', async t => {
  for (const xid of ['', '0', '-1', '1; drop', '1.5']) {
    await t.rejects(resolveCommit(xid, query, { timers: nodeTimers }), RangeError, xid)
  }
})
