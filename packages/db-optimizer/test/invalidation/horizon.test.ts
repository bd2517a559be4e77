// Entries are never lost, whatever the order in which transactions begin, write, commit and are read: ids of a sequence and of transactions are handed out in one order and
// become visible in another.
import fc from 'fast-check'
import postgres from 'postgres'
import t from 'tap'
import { createInvalidationLog, type LogPage } from '../../src/invalidation/invalidation-log.ts'
import { optimizer } from '../fixture/database.ts'
import { logDatabase } from './log-database.ts'

const WRITERS = 3
const database = await logDatabase(t)
const client = postgres(database.url, { max: WRITERS, onnotice: () => {} })
t.teardown(() => client.end({ timeout: 5 }))
const writers = await Promise.all(Array.from({ length: WRITERS }, () => client.reserve()))
const db = optimizer(t, database.url)

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('begin', 'write', 'write', 'commit', 'roll back'),
      writer: fc.nat(WRITERS - 1),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('read'), writer: fc.constant(0) }) },
)

await t.test('the classic: who began first commits last, and is told', async t => {
  const log = createInvalidationLog(db, { pruneIntervalMs: 0 })
  const [early, late] = writers as [postgres.ReservedSql, postgres.ReservedSql]
  await early`begin`
  await early`insert into cache_invalidation (subjects) values ('{early}')`
  const start = (await log.since(undefined)).position
  await late`insert into cache_invalidation (subjects) values ('{late}')`
  const first = await log.since(start)
  t.same(
    first.entries.map(entry => entry.subjects),
    [['late']],
  )
  await early`commit`
  const second = await log.since(first.position, first.seen)
  t.same(
    second.entries.map(entry => entry.subjects),
    [['early']],
  )
  t.same(
    (await log.since(first.position)).entries.map(entry => entry.subjects),
    [['early'], ['late']],
    'without `seen` some come twice',
  )
  await log.close()
})

let runs = 0
await t.test(
  'every committed entry is told, none that was rolled back; exactly once to who gives back what it has seen',
  async t => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 30 }),
        fc.integer({ min: 1, max: 3 }),
        fc.boolean(),
        async (steps, pageEntries, givesBack) => {
          // What a run that failed has left.
          for (const sql of writers) await sql`rollback`
          const log = createInvalidationLog(db, { pruneIntervalMs: 0, pageEntries })
          const run = `run${++runs}:`
          const open: (string[] | undefined)[] = Array.from({ length: WRITERS })
          const committed: string[] = []
          const told: string[] = []
          let next = 0
          let place = await log.since(undefined)
          const read = async () => {
            let page: LogPage
            do {
              page = await log.since(place.position, givesBack ? place.seen : undefined)
              if (!page.complete) throw new Error('nothing was pruned')
              if (page.position < place.position) throw new Error('it went back')
              for (const { subjects } of page.entries) {
                // Of a run before, while a transaction in another database of the server holds the horizon.
                if (!subjects[0]?.startsWith(run)) continue
                if (!subjects.every(subject => committed.includes(subject)))
                  throw new Error('told what is not committed')
                told.push(...subjects)
              }
              place = page
            } while (page.more)
          }
          for (const { do: what, writer } of steps) {
            const sql = writers[writer] as postgres.ReservedSql
            const mine = open[writer]
            if (what === 'read') await read()
            else if (what === 'begin' && mine === undefined) {
              await sql`begin`
              // Its place, long before it writes.
              if (next % 2 === 0) await sql`select pg_current_xact_id()`
              open[writer] = []
            } else if (what === 'write') {
              const subject = `${run}${next++}`
              await sql`insert into cache_invalidation (subjects) values (array[${subject}])`
              ;(mine ?? committed).push(subject)
            } else if (mine !== undefined) {
              await sql.unsafe(what === 'commit' ? 'commit' : 'rollback')
              if (what === 'commit') committed.push(...mine)
              open[writer] = undefined
            }
          }
          for (const [writer, mine] of open.entries()) {
            if (mine === undefined) continue
            await (writers[writer] as postgres.ReservedSql)`commit`
            committed.push(...mine)
          }
          await read()
          await log.close()
          const expected = committed.toSorted()
          const seen = givesBack ? told.toSorted() : [...new Set(told)].toSorted()
          if (JSON.stringify(seen) !== JSON.stringify(expected))
            throw new Error(`told ${seen.join()} of ${expected.join()}`)
        },
      ),
      { numRuns: 40 },
    )
    t.pass()
  },
)
