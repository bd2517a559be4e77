import { once } from 'node:events'
import t from 'tap'
import { leakCheck, until } from '@plimsoll/testing'
import { DbError } from '../../src/errors.ts'
import { codeOf, emptyDatabase, optimizer, terminate } from '../fixture/database.ts'
import { faultyProxy } from '../fixture/faulty-proxy.ts'

const database = await emptyDatabase(t)
const look = database.sql
await look`create table accounts (id int primary key, balance int not null check (balance >= 0))`
await look`insert into accounts select i, 100 from generate_series(1, 10) i`
await look`create table notes (id int primary key deferrable initially deferred)`
leakCheck(t)

async function notes(): Promise<number[]> {
  return (await look<{ id: number }[]>`select id from notes order by id`).map(row => row.id)
}

await t.test('commits what its function did, and gives what it gave', async t => {
  const db = optimizer(t, database.url)
  const result = await db.transaction(async tx => {
    await tx`insert into notes values (1)`
    return tx`select count(*)::int as n from notes`
  })
  t.equal(result[0]?.['n'], 1)
  t.same(await notes(), [1])
})

await t.test('rolls back what throws, and throws the same', async t => {
  const db = optimizer(t, database.url)
  const mine = new Error('mine')
  await t.rejects(
    db.transaction(async tx => {
      await tx`insert into notes values (2)`
      throw mine
    }),
    mine,
  )
  t.same(await notes(), [1])
})

await t.test('undoes a savepoint alone', async t => {
  const db = optimizer(t, database.url)
  await db.transaction(async tx => {
    await tx`insert into notes values (3)`
    const code = codeOf(
      tx.savepoint(async inner => {
        await inner`insert into notes values (4)`
        t.equal(await codeOf(tx.savepoint(() => {})), 'DB_ERR_UNSUPPORTED', 'a second one beside it is refused')
        await inner.savepoint(innermost => innermost`insert into notes values (5)`)
        await inner`select 1 / 0`
      }),
    )
    t.equal(await code, 'DB_ERR_QUERY')
    await tx.savepoint(inner => inner`insert into notes values (6)`)
  })
  t.same(await notes(), [1, 3, 6])
  await look`delete from notes where id > 1`
})

await t.test('a commit that the server turns into a rollback is an error', async t => {
  const db = optimizer(t, database.url)
  const outcome = codeOf(
    db.transaction(async tx => {
      await tx`insert into notes values (7)`
      await tx`select 1 / 0`.catch(() => {})
    }),
  )
  t.equal(await outcome, 'DB_ERR_QUERY')
  t.same(await notes(), [1])
})

await t.test('errors at the commit are reported with their constraint', async t => {
  const db = optimizer(t, database.url)
  const error: unknown = await db.transaction(tx => tx`insert into notes values (1)`).catch((error: unknown) => error)
  t.match(error, { code: 'DB_ERR_QUERY', sqlState: '23505', server: { constraint: 'notes_pkey' }, outcome: 'failed' })
})

await t.test('waits for statements that its function started', async t => {
  const db = optimizer(t, database.url)
  await db.transaction(tx => {
    for (const id of [8, 9]) void tx`insert into notes values (${id})`.execute()
  })
  t.same(await notes(), [1, 8, 9])
  await look`delete from notes where id > 1`
})

await t.test('refuses statements after its end, and ends of its own', async t => {
  const db = optimizer(t, database.url)
  let kept: Parameters<Parameters<typeof db.transaction>[0]>[0] | undefined
  await db.transaction(tx => {
    kept = tx
  })
  t.equal(await codeOf(kept!`insert into notes values (10)`), 'DB_ERR_TRANSACTION')
  t.equal(await codeOf(db.transaction(tx => tx`commit`)), 'DB_ERR_TRANSACTION')
  t.same(await notes(), [1])
})

await t.test('a setting of the session does not reach the next caller', async t => {
  const db = optimizer(t, database.url, { maxConnections: 1 })
  await db.transaction(tx => tx`set statement_timeout = '7s'`)
  await db.transaction(tx => tx`set local statement_timeout = '8s'`)
  t.equal((await db.sql`show statement_timeout`)[0]?.['statement_timeout'], '30s')
  t.equal(db.statistics().pool.discarded['session-changed'], 1, 'the first one only')
})

await t.test('isolation and read only reach the server; bad options are refused', async t => {
  const db = optimizer(t, database.url)
  const show = await db.transaction(
    tx => tx`select current_setting('transaction_isolation') as level, current_setting('transaction_read_only') as ro`,
    { isolation: 'serializable', readOnly: true, deferrable: true },
  )
  t.same({ ...show[0] }, { level: 'serializable', ro: 'on' })
  for (const options of [
    { retries: -1 },
    { isolation: 'chaos' as 'serializable' },
    { deferrable: true },
    { timeoutMs: 0 },
    { speed: 1 } as object,
  ]) {
    t.equal(await codeOf(db.transaction(() => {}, options)), 'DB_ERR_OPTION')
  }
})

await t.test('time up, signal: rolled back, also while its function does something else', async t => {
  const db = optimizer(t, database.url)
  const never = new Promise<void>(() => {})
  t.equal(
    await codeOf(
      db.transaction(
        async tx => {
          await tx`insert into notes values (11)`
          await never
        },
        { timeoutMs: 60 },
      ),
    ),
    'DB_ERR_TIMEOUT',
  )
  const abort = new AbortController()
  const outcome = codeOf(
    db.transaction(
      async tx => {
        await tx`insert into notes values (12)`
        const sleeping = tx`select pg_sleep(5)`
        setImmediate(() => abort.abort())
        await sleeping
      },
      { signal: abort.signal },
    ),
  )
  t.equal(await outcome, 'DB_ERR_ABORTED')
  t.same(await notes(), [1])
})

for (const point of [
  'before the first statement',
  'between statements',
  'during a statement',
  'before the commit',
] as const) {
  await t.test(`a backend that is terminated ${point} leaves nothing, and the next one works`, async t => {
    const db = optimizer(t, database.url, { maxConnections: 1 })
    // The transaction rejects when its connection dies; its function goes on until it notices.
    const left = Promise.withResolvers<void>()
    const outcome = codeOf(
      db.transaction(async tx => {
        using _ = { [Symbol.dispose]: left.resolve }
        const [row] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`
        const pid = row!.pid
        if (point === 'before the first statement') await terminate(look, pid)
        await tx`insert into notes values (20)`
        if (point === 'between statements') await terminate(look, pid)
        if (point === 'during a statement') {
          const sleeping = codeOf(tx`select pg_sleep(5)`)
          await terminate(look, pid)
          t.equal(await sleeping, 'DB_ERR_CONNECTION_LOST')
        }
        await tx`insert into notes values (21)`
        if (point === 'before the commit') await terminate(look, pid)
      }),
    )
    t.equal(await outcome, 'DB_ERR_CONNECTION_LOST')
    await left.promise
    t.same(await notes(), [1])
    await db.transaction(tx => tx`select 1`)
  })
}

await t.test('a connection lost after the commit was sent: its fate is found out by its id', async t => {
  const proxy = await faultyProxy(t, database.url)
  const db = optimizer(t, proxy.url, { maxConnections: 2 })
  await db.sql`select 1`
  // The id's answer comes through, the commit's doesn't.
  proxy.cutAfter('commit', 1)
  await db.transaction(tx => tx`insert into notes values (30)`)
  t.same(await notes(), [1, 30], 'committed, and reported as that')
  await look`delete from notes where id = 30`

  proxy.cutAfter('commit', 1)
  const nothing = codeOf(db.transaction(tx => tx`select 1`))
  t.equal(await nothing, 'DB_ERR_CONNECTION_LOST', 'it had written nothing')

  // Both answers are lost: nobody can know.
  proxy.cutAfter('commit', 0)
  const unknown: unknown = await db
    .transaction(tx => tx`insert into notes values (31)`)
    .catch((error: unknown) => error)
  t.match(unknown, { code: 'DB_ERR_OUTCOME_UNKNOWN', outcome: 'unknown' })
  // The server may still be at it: what was sent is committed sooner or later.
  await until(async () => (await look`delete from notes where id = 31 returning id`).length === 1, {
    what: 'the commit',
  })
})

await t.test('200 transfers at once, with conflicts and terminated backends, lose and make no money', async t => {
  const db = optimizer(t, database.url, { maxConnections: 8 })
  let done = 0
  let lost = 0
  const transfer = async (i: number): Promise<void> => {
    const from = (i % 10) + 1
    const to = ((from + 2 + (i % 5)) % 10) + 1
    try {
      await db.transaction(
        async tx => {
          // In one order: a deadlock costs the server's deadlock_timeout, a second each.
          for (const id of [from, to].toSorted((a, b) => a - b)) {
            await tx`update accounts set balance = balance + ${id === from ? -1 : 1} where id = ${id}`
          }
        },
        { retries: 3 },
      )
      done += 1
    } catch (error) {
      // Conflicts that outlast the budget of retries, and commits that were in flight when their backend was terminated.
      if (!(error instanceof DbError)) throw error
      lost += 1
    }
  }
  const all = Promise.all(Array.from({ length: 200 }, (_, i) => transfer(i)))
  for (let i = 0; i < 5; i++) {
    await look`
      select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'db-optimizer' and datname = current_database() limit 1`
  }
  await all
  t.equal(done + lost, 200, 'every one has settled')
  t.ok(done > 100, `most went through: ${done}`)
  const [row] = await look<{ sum: number }[]>`select sum(balance)::int as sum from accounts`
  t.equal(row?.sum, 1000)
})

await t.test('events tell how a transaction went', async t => {
  const { channels } = await import('../../src/channels.ts')
  const seen: unknown[] = []
  const listener = (message: unknown): void => void seen.push(message)
  channels.transactionFinished.subscribe(listener)
  t.teardown(() => channels.transactionFinished.unsubscribe(listener))
  const db = optimizer(t, database.url)
  await db.transaction(tx => tx`select 1`, { name: 'notes.look' })
  await codeOf(db.transaction(tx => tx`select 1 / 0`, { name: 'notes.bad' }))
  t.match(seen, [
    { name: 'notes.look', outcome: 'committed', attempts: 1 },
    { name: 'notes.bad', outcome: 'failed', code: 'DB_ERR_QUERY' },
  ])
})

await t.test('COPY works inside', async t => {
  const db = optimizer(t, database.url)
  await db.transaction(async tx => {
    const writable = await tx`copy notes from stdin`.writable()
    writable.end('40\n41\n')
    await once(writable, 'finish')
    t.equal((await tx`select count(*)::int as n from notes`)[0]?.['n'], 3)
  })
  t.same(await notes(), [1, 40, 41])
})
