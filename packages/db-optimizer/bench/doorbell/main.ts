// What telling others of an invalidation costs a writer: the log's row alone, the row with NOTIFY in the same transaction, the row with the coalesced doorbell.
//
//     node packages/db-optimizer/bench/doorbell/main.ts postgres://... [seconds per round] [rounds]
//
// Eight writers, each transaction one insert and the log's row; one listener. The three take turns, in another order each round. The tables are made in a schema of their
// own, which is dropped at the end. Run it on a server with the durability that you have: NOTIFY's lock is held while the commit is written to disk.
import { openDatabase, type Database, type Transaction } from '../../src/index.ts'
import { createInvalidationLog, invalidationLogSql, type InvalidationLog } from '../../src/invalidation/index.ts'

const WRITERS = 8
const SCHEMA = 'doorbell_bench'
const [url, seconds = '2', rounds = '5'] = process.argv.slice(2)
if (url === undefined) throw new Error('Give the address of a server.')

type Variant = (db: Database, log: InvalidationLog) => Promise<unknown>

const write = (tx: Transaction): PromiseLike<unknown> => tx`insert into doorbell_bench.written (x) values (1)`
const VARIANTS: Readonly<Record<string, Variant>> = {
  'row alone': (db, log) =>
    db.transaction(async tx => {
      await write(tx)
      await log.record(tx, ['t'])
    }),
  'row and NOTIFY inside': (db, log) =>
    db.transaction(async tx => {
      await write(tx)
      await log.record(tx, ['t'])
      await tx`select pg_notify('doorbell_bench', '')`
    }),
  'row and one more statement': (db, log) =>
    db.transaction(async tx => {
      await write(tx)
      await log.record(tx, ['t'])
      await tx`select 1`
    }),
  'row and doorbell': async (db, log) => {
    await db.transaction(async tx => {
      await write(tx)
      await log.record(tx, ['t'])
    })
    log.ring()
  },
}

const db = await openDatabase({ url, minConnections: WRITERS, maxConnections: WRITERS + 2 })
await db.sql.unsafe(
  `drop schema if exists ${SCHEMA} cascade; create schema ${SCHEMA}; create table ${SCHEMA}.written (id bigint generated always as identity primary key, x int)`,
)
await db.sql.unsafe(invalidationLogSql({ table: [SCHEMA, 'log'] }))
const log = createInvalidationLog(db, { table: [SCHEMA, 'log'], channel: 'doorbell_bench', pruneIntervalMs: 0 })
let rings = 0
const stop = await log.listen({ ring: () => void (rings += 1), lost: () => {} })
const figures = new Map<string, number[]>(Object.keys(VARIANTS).map(name => [name, []]))
try {
  for (let round = 0; round < Number(rounds); round++) {
    const names = Object.keys(VARIANTS)
    const order = [...names.slice(round % names.length), ...names.slice(0, round % names.length)]
    for (const name of order) figures.get(name)?.push(await perSecond(VARIANTS[name] as Variant))
  }
} finally {
  await stop()
  await log.close()
  await db.sql.unsafe(`drop schema ${SCHEMA} cascade`)
  await db.close()
}
for (const [name, values] of figures) {
  const sorted = values.toSorted((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0
  process.stdout.write(
    `${name.padEnd(28)} ${median.toFixed(0).padStart(7)} tx/s   (${sorted.map(value => value.toFixed(0)).join(' ')})\n`,
  )
}
process.stdout.write(`${rings} rings heard\n`)

async function perSecond(variant: Variant): Promise<number> {
  const startMs = performance.now()
  const endMs = startMs + Number(seconds) * 1000
  let done = 0
  const writer = async (): Promise<void> => {
    while (performance.now() < endMs) {
      await variant(db, log)
      done += 1
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, writer))
  return (done * 1000) / (performance.now() - startMs)
}
