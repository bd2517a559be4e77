// What is declared, what is there, what follows from both: without a database.
import t from 'tap'
import { readMigrations } from '@plimsoll/db-optimizer/migrations'
import { MIGRATIONS_FOLDER } from '../../../src/database/check.ts'
import type { ExistingIndex } from '../../../src/database/verify/catalogue.ts'
import { declaredIndexes } from '../../../src/database/verify/declared-indexes.ts'
import { compareIndexes } from '../../../src/database/verify/index-findings.ts'
import { INDEX_DEFINITIONS } from '../../../src/database/verify/index-definitions.ts'
import { LISTED_QUERIES } from '../../../src/database/verify/listed-queries.ts'
import type { Plan } from '../../../src/database/verify/plan.ts'
import { candidatesOf } from '../../../src/database/verify/what-if.ts'

const declared = (...files: string[][]) =>
  declaredIndexes(
    files.map((texts, index) => ({ name: `000${index + 1}_x.sql`, statements: texts.map(text => ({ text })) })),
  ).map(({ name, table }) => `${name} on ${table}`)

await t.test('indexes are read from every form in which a migration declares them', t => {
  t.same(
    declared([
      '-- create index idx_comment on a (b)\ncreate index idx_a on a (b)',
      'create unique index concurrently if not exists "idx_b" on only "b" (lower(c)) where d',
      'create index on c (d, e)',
      'create table d (id int primary key, e text constraint d_e_unique unique check (e > 0), constraint d_pk primary key (id))',
      'alter table only e add constraint e_f_unique unique (f)',
      'alter table e add constraint e_f_check check (f > 0)',
      'insert into a values (1)',
    ]),
    ['idx_a on a', 'idx_b on b', 'c_d_e_idx on c', 'd_e_unique on d', 'd_pk on d', 'e_f_unique on e'],
  )
  t.end()
})

await t.test('what a later migration drops is declared no more', t => {
  t.same(
    declared(
      ['create index idx_a on a (b)', 'create index idx_b on b (c)', 'create index idx_c on c (d)'],
      ['drop index concurrently if exists idx_a', 'alter table c add constraint c_unique unique (d)', 'drop table b'],
      ['alter table c drop constraint c_unique'],
    ),
    ['idx_c on c'],
  )
  t.end()
})

await t.test('the list of definitions has the declared indexes, and no others', async t => {
  const names = declaredIndexes(await readMigrations(MIGRATIONS_FOLDER)).map(({ name }) => name)
  t.same(Object.keys(INDEX_DEFINITIONS).toSorted(), names.toSorted())
})

await t.test('each listed query names indexes that our migrations declare, or primary keys', async t => {
  const names = new Set(declaredIndexes(await readMigrations(MIGRATIONS_FOLDER)).map(({ name }) => name))
  const unknown = LISTED_QUERIES.flatMap(({ uses }) => uses).filter(name => !names.has(name) && !name.endsWith('_pkey'))
  t.same(unknown, [])
  t.equal(new Set(LISTED_QUERIES.map(({ name }) => name)).size, LISTED_QUERIES.length, 'no name twice')
})

await t.test('the indexes that others know by name are declared, and each has a listed query', async t => {
  const names = `
    idx_users_email idx_users_username idx_users_user_type idx_user_tokens_user_id_type idx_user_tokens_token
    idx_user_tokens_expires_revoked idx_sessions_user_id idx_sessions_user_active idx_chat_messages_session_id
    idx_chat_messages_conversation_id idx_chat_messages_session_order idx_chat_messages_role idx_components_session_id
    idx_components_current idx_components_type idx_ai_interactions_session_id idx_ai_interactions_conversation_id
    idx_ai_responses_session_id idx_ai_responses_conversation_id idx_conversation_sessions_session_id
    idx_conversation_sessions_conversation_id idx_blogs_status_created_at idx_blogs_published idx_blogs_tags
    idx_blogs_author idx_pitches_status_visibility idx_pitches_trending_score idx_notifications_unread
    user_streaks_user_id_streak_type_unique`
    .trim()
    .split(/\s+/)
  const known = new Set(declaredIndexes(await readMigrations(MIGRATIONS_FOLDER)).map(({ name }) => name))
  const listed = new Set(LISTED_QUERIES.flatMap(({ uses }) => uses))
  t.same(
    names.filter(name => !known.has(name)),
    [],
  )
  t.same(
    names.filter(name => !listed.has(name)),
    [],
  )
})

function existing(name: string, given: Partial<ExistingIndex> = {}): ExistingIndex {
  return {
    name,
    table: 'a',
    unique: false,
    constraint: false,
    valid: true,
    method: 'btree',
    keys: ['b'],
    columns: given.keys ?? ['b'],
    condition: null,
    definition: '',
    scans: 1,
    bytes: 8192,
    ...given,
  }
}

const namesOf = (indexes: readonly { readonly name: string }[]) => indexes.map(({ name }) => name)

await t.test('missing, invalid, undeclared and unused are told apart', t => {
  const names = ['there', 'missing', 'broken', 'idle', 'idle_unique']
  const found = compareIndexes(
    names.map(name => ({ name, table: 'a', migration: 'x' })),
    [
      existing('there'),
      existing('broken', { valid: false, keys: ['c'], scans: 0 }),
      existing('idle', { scans: 0, keys: ['d'] }),
      existing('idle_unique', { scans: 0, unique: true, keys: ['e'] }),
      existing('a_pkey', { scans: 0, unique: true, constraint: true, keys: ['id'] }),
      existing('by_hand', { keys: ['f'] }),
    ],
    {},
    { statisticsDays: 8, migrationDays: new Map([['x', 30]]) },
  )
  t.equal(found.declared, 5)
  t.same(namesOf(found.present), ['there', 'idle', 'idle_unique'])
  t.same(namesOf(found.missing), ['missing'])
  t.same(namesOf(found.invalid), ['broken'])
  t.same(namesOf(found.undeclared), ['by_hand'])
  t.same(namesOf(found.unused.map(({ index }) => index)), ['idle'])
  t.same(found.duplicate, [])
  t.same(found.different, [])
  t.end()
})

await t.test('an index that is not what was declared under its name is different, and not present', t => {
  const [same, other, broken] = ['same', 'other', 'broken'].map(name => ({ name, table: 'a', migration: 'x' }))
  const found = compareIndexes(
    [same, other, broken].filter(index => index !== undefined),
    [
      existing('same', { definition: 'on a (b)' }),
      existing('other', { definition: 'on a (c)', keys: ['c'] }),
      existing('broken', { definition: 'on a (d)', keys: ['d'], valid: false }),
    ],
    { same: 'on a (b)', other: 'on a (c) unique', broken: 'on a (d) unique' },
    { statisticsDays: 0, migrationDays: new Map() },
  )
  t.same(found.present, [same])
  t.same(found.different, [{ declared: other, shouldBe: 'on a (c) unique', is: 'on a (c)' }])
  t.same(namesOf(found.invalid), ['broken'], 'what is invalid has to be built again anyway')
  t.end()
})

await t.test('an index was unused for as long as it was there and uses were counted', t => {
  const unused = (statisticsDays: number, migrationDays: ReadonlyMap<string, number>) =>
    compareIndexes(
      [{ name: 'idle', table: 'a', migration: 'x' }],
      [existing('idle', { scans: 0 }), existing('by_hand', { scans: 0, keys: ['c'] })],
      {},
      { statisticsDays, migrationDays },
    ).unused.map(({ index, days }) => [index.name, days])
  t.same(
    unused(90, new Map([['x', 30]])),
    [
      ['idle', 30],
      ['by_hand', null],
    ],
    'the statistics are older than the index',
  )
  t.same(
    unused(8, new Map([['x', 30]])),
    [
      ['idle', 8],
      ['by_hand', null],
    ],
    'the index is older than the statistics',
  )
  t.same(unused(90, new Map([['x', 6.9]])), [['by_hand', null]], 'the index is too young to tell')
  t.same(unused(6.9, new Map([['x', 30]])), [], 'the statistics are too young to tell')
  t.same(
    unused(90, new Map()),
    [
      ['idle', null],
      ['by_hand', null],
    ],
    'nothing is recorded of the migration',
  )
  t.end()
})

await t.test('an index is needless when another one answers all that it can', t => {
  const duplicates = (...indexes: ExistingIndex[]) =>
    compareIndexes([], indexes, {}, { statisticsDays: 0, migrationDays: new Map() }).duplicate.map(
      ({ index, coveredBy, kind }) => `${index.name} ${kind} ${coveredBy.name}`,
    )
  const long = existing('long', { keys: ['b', 'c desc'] })
  t.same(duplicates(existing('one'), existing('two')), ['two same one'], 'of two the same one goes')
  t.same(duplicates(existing('one'), long), ['one prefix long'])
  t.same(duplicates(existing('one'), existing('b_unique', { unique: true })), ['one same b_unique'])
  const including = (name: string, ...included: string[]) => existing(name, { columns: ['b', ...included] })
  t.same(duplicates(including('one', 'd'), including('two', 'd')), ['two same one'])
  t.same(duplicates(existing('one'), including('two', 'd')), ['one prefix two'], 'whatever their names are')
  t.same(duplicates(including('one', 'd'), including('two', 'd', 'e')), ['one prefix two'])
  t.same(duplicates(including('one', 'd'), existing('wide', { keys: ['b', 'd'] })), ['one prefix wide'])
  for (const [why, ...pair] of [
    ['it has a column more', including('one', 'd'), long],
    ['each has a column more', including('one', 'd'), including('two', 'e')],
    ['it keeps rows apart', existing('one', { unique: true }), long],
    ['it belongs to a constraint', existing('one', { constraint: true }), long],
    ['another table', existing('one', { table: 'z' }), long],
    ['another direction', existing('one', { keys: ['b', 'c'] }), long],
    ['another condition', existing('one', { condition: 'b is null' }), long],
    ['another order', existing('one', { keys: ['c desc'] }), long],
    ['another method', existing('one', { method: 'gin' }), long],
    ['the other is invalid', existing('one'), { ...long, valid: false }],
    ['of a GIN index each column stands alone', existing('one', { method: 'gin' }), { ...long, method: 'gin' }],
  ] as const)
    t.same(duplicates(...pair), [], why)
  t.end()
})

await t.test('a candidate has the columns that are compared, then those that are sorted by', t => {
  const scan = (filter: string): Plan => ({
    'Node Type': 'Seq Scan',
    'Relation Name': 'a',
    Filter: filter,
    'Total Cost': 1,
    'Plan Rows': 1,
  })
  const sorted: Plan = {
    'Node Type': 'Sort',
    'Sort Key': ['a.created_at DESC', 'id DESC', 'lower(x)'],
    'Total Cost': 1,
    'Plan Rows': 1,
    Plans: [scan("((b = 1) AND ((c)::text = 'x'::text) AND (d > 5))")],
  }
  t.same(candidatesOf(sorted, new Map([['a', 5000]])), [{ table: 'a', keys: ['b', 'c', 'created_at desc', 'id desc'] }])
  t.same(candidatesOf(sorted, new Map([['a', 999]])), [], 'a small table is read from end to end rightly')
  t.same(candidatesOf(scan('(d > 5)'), new Map([['a', 5000]])), [])
  t.end()
})
