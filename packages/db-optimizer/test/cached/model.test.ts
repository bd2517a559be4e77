// A model check: random writes by several clients at once, against tables with views, referential actions, triggers, partitions and inheritance, and random cached reads. A cached
// read that begins when no write is under way gives what an uncached one gives; and at the end all of them do.
import fc from 'fast-check'
import t from 'tap'
import { emptyDatabase, optimizer } from '../fixture/database.ts'
import { MemoryCache } from './memory-cache.ts'

const database = await emptyDatabase(t)
await database.sql.unsafe(`
  create table owners (id int primary key, name text);
  create table pets (id int primary key, owner_id int references owners on delete cascade on update cascade, name text);
  create table visits (id int primary key, pet_id int references pets on delete set null, day int) ;
  create table audit (id int generated always as identity, what text);
  create table parts (id int, region int) partition by list (region);
  create table parts_0 partition of parts for values in (0);
  create table parts_1 partition of parts for values in (1);
  create view pet_names as select p.name as pet, o.name as owner from pets p join owners o on o.id = p.owner_id;
  create view owned as select id, name from owners;
  create function note() returns trigger language plpgsql as $$ begin insert into audit (what) values (tg_op); return null; end $$;
  create trigger visits_note after insert or delete on visits for each row execute function note();
  create function bump() returns int language plpgsql as $$ begin update owners set name = name || '!' where id = 1; return 1; end $$;
`)
const store = new MemoryCache()
const functionWrites = { 'public.note': ['public.audit'] }
const { sql, transaction, batch } = optimizer(t, database.url, {
  maxConnections: 6,
  cache: { store, automatic: true, functionWrites },
})

const READS = [
  'select * from owners order by id',
  'select * from pets order by id',
  'select * from pet_names order by 1, 2',
  'select count(*)::int as n from audit',
  'select v.id, p.name from visits v left join pets p on p.id = v.pet_id order by v.id',
  'select * from parts order by id, region',
  'select * from parts_1 order by id',
  'select o.id, (select json_agg(p.name order by p.id) from pets p where p.owner_id = o.id) as pets from owners o order by o.id',
]

const id = fc.integer({ min: 1, max: 3 })
const write = fc.oneof(
  fc.tuple(
    fc.constant('insert into owners values ($1, $2) on conflict (id) do update set name = excluded.name'),
    id,
    id,
  ),
  fc.tuple(fc.constant('insert into pets values ($1, $2, $3) on conflict do nothing'), id, id, id),
  fc.tuple(fc.constant('insert into visits values ($1, $2, 1) on conflict do nothing'), id, id),
  fc.tuple(fc.constant('delete from owners where id = $1'), id),
  fc.tuple(
    fc.constant('update owners set id = id + 10 where id = $1 and not exists (select from owners where id = $1 + 10)'),
    id,
  ),
  fc.tuple(fc.constant('delete from pets where id = $1'), id),
  fc.tuple(fc.constant('delete from visits where id = $1'), id),
  fc.tuple(fc.constant('update owned set name = $2 where id = $1'), id, id),
  fc.tuple(fc.constant('insert into parts values ($1, $1 % 2)'), id),
  fc.tuple(fc.constant('update parts set region = 1 - region where id = $1'), id),
  fc.tuple(fc.constant('delete from parts_1 where id = $1'), id),
  fc.tuple(
    fc.constant(
      'with gone as (delete from visits where id = $1 returning id) insert into parts select id, 0 from gone',
    ),
    id,
  ),
  fc.tuple(fc.constant('select bump()')),
  fc.tuple(fc.constant('truncate visits')),
)
const step = fc.record({
  how: fc.constantFrom('lone', 'transaction', 'rolled back', 'batch'),
  writes: fc.array(write, { minLength: 1, maxLength: 3 }),
})
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

function query(on: Pick<typeof sql, 'unsafe'>, [text, ...parameters]: readonly [string, ...number[]]) {
  return on.unsafe(text, parameters)
}

async function run({ how, writes }: Step): Promise<void> {
  const own = writes as (readonly [string, ...number[]])[]
  try {
    if (how === 'lone') for (const one of own) await query(sql, one)
    else if (how === 'batch') await batch(own.map(one => query(sql, one)))
    else {
      await transaction(async tx => {
        for (const one of own) await query(tx, one)
        if (how === 'rolled back') throw new RangeError('rolled back')
      })
    }
  } catch {
    // A key that isn't there any more, a deadlock, our own rollback: whatever the server refused isn't done.
  }
}

const cached = sql.cached()
const read = (text: string) => cached`${sql.unsafe(text)}`

async function differences(): Promise<string[]> {
  const seen = await Promise.all(
    READS.map(async text => ({ text, kept: await read(text), present: await sql.unsafe(text) })),
  )
  return seen.filter(({ kept, present }) => JSON.stringify(kept) !== JSON.stringify(present)).map(({ text }) => text)
}

await t.test('what was acknowledged is never hidden by what was kept', async t => {
  let writes = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 6 }),
      async rounds => {
        for (const steps of rounds) {
          writes += steps.length
          // Reads beside the writes fill the cache at the worst moments.
          await Promise.all([...steps.map(run), ...READS.map(read)])
          const wrong = await differences()
          if (wrong.length > 0) throw new Error(`stale: ${wrong.join('; ')}`)
        }
      },
    ),
    { numRuns: 20 },
  )
  t.ok(writes > 20)
  t.ok(store.hits > 100, 'the cache was used')
})
