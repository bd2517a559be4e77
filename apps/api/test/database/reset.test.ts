import t from 'tap'
import { emptyDatabase } from '../../src/database/reset.ts'
import { withConnection } from '../../src/database/single-connection.ts'
import { demoDatabase, emptyTestDatabase } from '../fixture/demo-database.ts'

const empty = (url: string, environment: string) =>
  withConnection({ url, applicationName: 'reset-test', connectTimeoutS: 5, commandTimeoutS: 0 }, sql =>
    emptyDatabase(sql, environment),
  )

// Databases are made: on a busy machine that takes its time.
t.setTimeout(60_000)

await t.test('everything of ours is gone, whatever its kind; extensions stay', async t => {
  const database = await demoDatabase(t)
  await database.sql.unsafe(`
    create view everybody as select * from users;
    create materialized view somebody as select * from everybody;
    create type colour as enum ('red');
    create domain short as text check (length(value) < 5);
    create table painted (colour colour, name short);
    create function twice(n int) returns int language sql as 'select n * 2';
    create sequence counter`)
  const extensions = await database.sql`select extname from pg_extension order by 1`
  await empty(database.url, 'development')
  const left = await database.sql`
    select relname as name from pg_class where relnamespace = 'public'::regnamespace
      and not exists (select from pg_depend where objid = pg_class.oid and deptype = 'e')
    union all select proname from pg_proc where pronamespace = 'public'::regnamespace
      and not exists (select from pg_depend where objid = pg_proc.oid and deptype = 'e')
    union all select typname from pg_type where typnamespace = 'public'::regnamespace and typtype in ('e', 'd')`
  t.same([...left], [])
  t.same([...(await database.sql`select extname from pg_extension order by 1`)], [...extensions])
  await empty(database.url, 'development')
  t.pass('an empty database may be emptied')
})

await t.test('a database with tables that are not ours is left alone', async t => {
  const database = await emptyTestDatabase(t)
  await database.sql`create table invoices (id int)`
  await t.rejects(empty(database.url, 'development'), {
    code: 'API_ERR_RESET_REFUSED',
    message: /none of them is ours/,
  })
  t.equal((await database.sql`select * from invoices`).length, 0)
})

const database = await demoDatabase(t)

await t.test('production is left alone', async t => {
  await t.rejects(empty(database.url, 'production'), { code: 'API_ERR_RESET_REFUSED', message: /production/ })
  t.ok((await database.sql`select from users`).length > 0)
})

await t.test('the order in which the catalogue lists them is none of its concern', async t => {
  // By hash, the planner's usual way, tables come before their sequences; by merge, in the order of creation, after them, and those of identity columns can't be
  // dropped alone.
  await withConnection(
    { url: database.url, applicationName: 'reset-test', connectTimeoutS: 5, commandTimeoutS: 0 },
    async sql => {
      await sql`set enable_hashjoin = off`
      await sql`set enable_nestloop = off`
      await emptyDatabase(sql, 'development')
    },
  )
  t.same([...(await database.sql`select from pg_tables where schemaname = 'public'`)], [])
})
