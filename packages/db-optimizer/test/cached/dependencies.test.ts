// What the server says of statements that try to hide what they read or write.
import t from 'tap'
import { analyseUnder } from '../../src/cached/analysis.ts'
import type { Dependencies, FunctionWrites } from '../../src/cached/dependencies.ts'
import { emptyDatabase, optimizer } from '../fixture/database.ts'

const database = await emptyDatabase(t)
await database.sql.unsafe(`
  create type mood as enum ('glad', 'sad');
  create domain short as text check (length(value) < 9);
  create table authors (id int primary key, name text, born date, mood mood, seen timestamptz);
  create table books (id int primary key, author_id int references authors on delete cascade on update cascade, title text, data jsonb, price numeric);
  create table reviews (id int primary key, book_id int references books on delete set null, stars int);
  create unlogged table fragile (id int);
  create table mixed (id int) partition by range (id);
  create unlogged table mixed_part partition of mixed for values from (0) to (9);
  create table plain (id int primary key, note text);
  create table events (id int, at date) partition by range (at);
  create table events_old partition of events for values from ('2000-01-01') to ('2020-01-01');
  create table events_new partition of events for values from ('2020-01-01') to ('2040-01-01');
  create table animals (id int, name text);
  create table dogs (tail text) inherits (animals);
  create view shelf as select b.id, b.title, a.name from books b join authors a on a.id = b.author_id;
  create view upper_shelf as select id, upper(title) as title from shelf where id in (select book_id from reviews);
  create view today_view as select * from plain where now() > '2000-01-01';
  create view one_table as select id, note from plain where id > 0;
  create materialized view best as select book_id, avg(stars) as stars from reviews group by book_id;
  create table secret (id int, who text);
  alter table secret enable row level security;
  create view through_secret as select * from secret;
  create table counted (id int primary key, n int default 0);
  create function touch() returns trigger language plpgsql as $$ begin update plain set note = 'touched'; return new; end $$;
  create trigger counted_touch after insert or update on counted for each row execute function touch();
  create table ruled (id int);
  create rule also as on insert to ruled do also insert into plain (id) values (new.id);
  create function write_plain() returns int language plpgsql as $$ begin insert into plain values (99); return 1; end $$;
  create function read_plain() returns int language sql stable as 'select count(*)::int from plain';
  create function steady(int) returns int language sql immutable as 'select $1';
  create table defaulted (id int default write_plain(), x int);
  create function cast_money(jsonb) returns text language sql immutable as 'select 1::text';
  create sequence numbers;
  create index on books (title);
  insert into authors values (1, 'a', '2000-01-01', 'glad', now());
`)
const { sql, transaction } = optimizer(t, database.url)
const TAGS_OF: FunctionWrites = { 'public.touch': ['public.plain'], 'public.write_plain': ['plain'] }

function ask(text: string, types: readonly number[] = [], functionWrites: FunctionWrites = {}): Promise<Dependencies> {
  return transaction(tx => analyseUnder(fn => tx.savepoint(fn), { text, types }, functionWrites))
}

const tables = (...names: string[]) => names.map(name => `table:public.${name}`)

await t.test(
  'tables are found through views, sub-selects, CTEs, set operations, partitions and inheritance',
  async t => {
    const steady: readonly (readonly [string, string[]])[] = [
      ['select * from plain', ['plain']],
      ['table plain', ['plain']],
      ['select 1 as a, 2 as a from plain; ', ['plain']],
      ['select * from plain -- a comment at the end', ['plain']],
      ['select * from plain where false', ['plain']],
      ['select * from upper_shelf', ['authors', 'books', 'reviews']],
      [
        'with x as (select * from books) select * from x where exists (select from reviews r where r.book_id = x.id)',
        ['books', 'reviews'],
      ],
      [
        'select (select max(stars) from reviews), id from plain union all select 1, id from authors',
        ['authors', 'plain', 'reviews'],
      ],
      [
        'with recursive r as (select 1 as n union all select n + 1 from r join plain p on p.id = r.n) select * from r',
        ['plain'],
      ],
      ["select * from events where at = date '2001-01-01'", ['events']],
      ['select * from events_old', ['events', 'events_old']],
      ['select * from events union all select * from events_old', ['events', 'events_old']],
      ['select * from animals', ['animals']],
      ['select * from only dogs', ['animals', 'dogs']],
      ['select * from best', ['best']],
      ['select a.* from authors a left join (select distinct id from plain) p on p.id = a.id', ['authors', 'plain']],
      ['select json_agg(b) as all, jsonb_build_object($1::text, count(*)) from books b', ['books']],
      [
        'select data->>$1, data #> $2, title ilike $3, id::text, mood::text, price::text from books join authors using (id)',
        ['authors', 'books'],
      ],
      [
        'select id, rank() over (partition by author_id order by price) from books order by 1 limit $1 offset $2',
        ['books'],
      ],
      ['select * from books where id = any($1) and (price, id) > ($2, $3)', ['books']],
      [
        'select greatest(id, 1), coalesce(note, $1), case when id > $2 then $3 else note end, note || $1 from plain',
        ['plain'],
      ],
      ['select lateral_rows.n from plain, lateral generate_series(1, plain.id) lateral_rows(n)', ['plain']],
      [
        'select count(*) filter (where born > $1), string_agg(name, $2 order by id) from authors group by grouping sets ((mood), ())',
        ['authors'],
      ],
    ]
    for (const [text, names] of steady) {
      const { read, writes } = await ask(text)
      t.match(read, { kind: 'steady', tags: [...tables(...names), 'table:*'] }, text)
      t.same(writes, [], text)
    }
  },
)

await t.test(
  'parameters that are dates have to be looked at, those of other unsteady types need tags by hand',
  async t => {
    t.match((await ask('select * from authors where born > $1 and id = $2 and seen < any($3)')).read, {
      kind: 'steady',
      moments: [0, 2],
    })
    t.match((await ask('select * from authors where mood = $1 or mood = any($2)')).read, {
      kind: 'steady',
      moments: [],
    })
    t.match((await ask('select * from authors where born + $1 > born', [1186])).read, {
      kind: 'by-hand',
      reason: /interval|settings|time/,
    })
    t.match((await ask('select * from plain where id = $1::text::regclass')).read, { kind: 'by-hand' })
    // timestamp and timestamptz
    t.match((await ask("select date_trunc('day', $1) from plain", [1114])).read, { kind: 'steady' })
    t.match((await ask("select date_trunc('day', $1) from plain", [1184])).read, {
      kind: 'by-hand',
      reason: /date_trunc/,
    })
  },
)

await t.test('what may change without a write to its tables needs tags by hand', async t => {
  const byHand: readonly (readonly [string, RegExp])[] = [
    ['select 1', /no table/],
    ['select now() from plain', /now\(\)/],
    ['select current_date, id from plain', /time or the user/],
    ['select current_user from plain', /user/],
    ['select id from plain where note = session_user', /user/],
    ["select current_setting('timezone') from plain", /current_setting/],
    ['select random() from plain', /random/],
    ["select nextval('numbers') from plain", /nextval/],
    ['select last_value from numbers', /no table/],
    ['select clock_timestamp(), id from plain', /clock_timestamp/],
    ['select gen_random_uuid() from plain', /gen_random_uuid/],
    ['select * from today_view', /now\(\)/],
    ['select seen::date from authors', /date\(\)/],
    ["select to_char(seen, 'YYYY') from authors", /to_char/],
    ["select date_trunc('day', seen) from authors", /date_trunc/],
    ["select seen - interval '1 day' from authors", /depends/],
    ['select seen::text from authors', /settings/],
    ["select * from authors where born > 'yesterday'", /moment/],
    ["select * from authors where born > date 'to' 'day'".replace("'to' 'day'", "'to'\n'day'"), /moment/],
    ["select * from authors where seen < E'n\\157w'", /moment/],
    ['select * from authors where seen < $$now$$::timestamptz', /moment/],
    [
      'select * from authors where born > note::date from plain'.replace(' from plain', '').replace('note', 'name'),
      /settings or the time/,
    ],
    ['select read_plain() from authors', /read_plain/],
    ['select steady(id) from authors', /steady/],
    ['select * from secret', /row security/],
    ['select * from through_secret', /row security/],
    ['select * from fragile', /unlogged/],
    ['select * from mixed', /mixed_part is .*unlogged/],
    ['select relname from pg_class', /catalog/],
    ['select * from information_schema.tables', /./],
    ['select * from plain tablesample bernoulli (50)', /sample/],
    ['select ctid, * from plain', /system column/],
    ['select xmin, * from plain', /system column/],
    ['select note::short from plain', /domain/],
    ['select * from generate_series(1, 3)', /no table/],
    ["select query_to_xml('select * from plain', true, true, '') from authors", /query_to_xml|not known/],
    ["select table_to_xml('plain', true, true, '') from authors", /table_to_xml/],
    ["select 'plain'::text::regclass from authors", /./],
    ['select xmlelement(name a, note) from plain', /XMLEXPR|not known/],
    ["select * from authors, json_table(jsonb '[1]', '$[*]' columns (x int path '$')) j", /not known/],
    ["select pg_relation_size('plain') from authors", /pg_relation_size/],
    ['select age(seen) from authors', /age/],
  ]
  for (const [text, reason] of byHand) t.match((await ask(text)).read, { kind: 'by-hand', reason }, text)
})

await t.test('writes, locks and volatile functions of one’s own are no reads', async t => {
  const refused: readonly (readonly [string, RegExp])[] = [
    ['insert into plain values (1) returning *', /writes/],
    ['with x as (delete from plain returning *) select * from x', /writes/],
    ['select * from plain for update', /locks/],
    ['select * from (select * from plain for share) x', /locks/],
    ['select write_plain()', /write_plain/],
    ['select * from plain where id > (select write_plain())', /volatile/],
    ['truncate plain', /no query/],
    ['select 1; delete from plain', /no query/],
  ]
  for (const [text, reason] of refused) t.match((await ask(text)).read, { kind: 'refused', reason }, text)
})

await t.test('written tables are found: referential actions, views, partitions, inheritance', async t => {
  const written: readonly (readonly [string, string[]])[] = [
    ['insert into plain values (1)', ['plain']],
    ['insert into plain (id) select id from authors', ['plain']],
    ['insert into authors values (1) on conflict do nothing', ['authors']],
    ['insert into authors values (1) on conflict (id) do update set id = 2', ['authors', 'books']],
    ['insert into books values ($1, $2, $3)', ['books']],
    ['update authors set name = $1', ['authors', 'books']],
    ['delete from authors', ['authors', 'books', 'reviews']],
    ['delete from books where id = $1', ['books', 'reviews']],
    ['update reviews set stars = 1', ['reviews']],
    ['merge into books b using plain p on p.id = b.id when matched then delete', ['books', 'reviews']],
    ['update one_table set note = $1', ['plain']],
    ['with gone as (delete from reviews returning id) insert into plain select id from gone', ['plain', 'reviews']],
    ['select * from plain; ', []],
    ['insert into events values (1, $1)', ['events', 'events_new', 'events_old']],
    ['delete from events_old', ['events', 'events_new', 'events_old']],
    ['insert into dogs values (1)', ['animals', 'dogs']],
    ['update animals set name = $1', ['animals', 'dogs']],
    ['truncate plain, "reviews"', ['plain', 'reviews']],
    ['truncate table only public.books restart identity cascade', ['books', 'reviews']],
    ['copy plain (id) from stdin', ['plain']],
    ['copy (select * from plain) to stdout', []],
    ['copy plain to stdout', []],
    ['delete from counted', ['counted']],
    ["select nextval('numbers')", []],
    ['select read_plain()', []],
    ['explain delete from plain', []],
    ['vacuum', []],
    ["set local timezone = 'UTC'", []],
    ['', []],
  ]
  for (const [text, names] of written) t.same((await ask(text)).writes, tables(...names), text)
})

await t.test('what can not be followed writes everything, unless somebody says what it writes', async t => {
  const everything = ['table:*']
  for (const text of [
    'insert into counted values (1)',
    'update counted set n = 1',
    'insert into ruled values (1)',
    'insert into defaulted (x) values (1)',
    'select write_plain()',
    'call something()',
    'do $$ begin end $$',
    'refresh materialized view best',
    'create table x (id int)',
    'drop table plain',
    'explain analyze delete from plain',
    'select 1; select 2',
    "copy plain from program 'x'; select 1",
    'truncate nowhere',
  ]) {
    t.same((await ask(text)).writes, everything, text)
  }
  t.same((await ask('insert into counted values (1)', [], TAGS_OF)).writes, tables('counted', 'plain'))
  t.same((await ask('select write_plain()', [], TAGS_OF)).writes, tables('plain'))
  t.same((await ask('insert into defaulted (x) values (1)', [], TAGS_OF)).writes, tables('defaulted', 'plain'))
  t.same((await ask('select write_plain()', [], { 'public.write_plain': [] })).writes, [])
  t.same((await ask('select write_plain()', [], { 'public.write_plain': ['public.nowhere'] })).writes, everything)
})

await t.test('a statement with more parameters than a function has arguments is no exception', async t => {
  const values = Array.from({ length: 150 }, (_, index) => `($${2 * index + 1}, $${2 * index + 2})`).join(', ')
  t.same((await ask(`insert into plain values ${values}`)).writes, tables('plain'))
})

await t.test('nothing of the question remains', async t => {
  await ask('delete from authors')
  t.match(await ask('select nothing from plain').catch((error: unknown) => error), { sqlState: '42703' })
  t.equal((await sql`select count(*)::int as n from authors`)[0]?.['n'], 1)
  const [left] = await database.sql`select count(*)::int as n from pg_proc where proname like 'asked%'`
  t.equal(left?.['n'], 0)
})

await t.test('a cast to json that is somebody’s own makes JSON of rows a thing that can not be known', async t => {
  await database.sql`create type pair as (a int, b int)`
  await database.sql.unsafe(
    `create function pair_json(pair) returns json language sql immutable as 'select null::json'; create cast (pair as json) with function pair_json(pair)`,
  )
  t.teardown(() => database.sql`drop cast (pair as json)`)
  t.match((await ask('select to_json(p) from plain p')).read, { kind: 'by-hand', reason: /cast to json/ })
})
