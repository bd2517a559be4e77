// The command on a real database: what it finds, and that it changes nothing.
import t from 'tap'
import { readMigrations } from '@plimsoll/db-optimizer/migrations'
import { MIGRATIONS_FOLDER } from '../../../src/database/check.ts'
import { runCommand } from '../../../src/database/commands.ts'
import { migrationDays, type ExistingIndex } from '../../../src/database/verify/catalogue.ts'
import { openVerifyConnection } from '../../../src/database/verify/verify-database.ts'
import { renderVerification } from '../../../src/database/verify/report.ts'
import { verify } from '../../../src/database/verify/verify.ts'
import { demoDatabase } from '../../fixture/demo-database.ts'

// A database is made: on a busy machine that takes its time.
t.setTimeout(60_000)

const { url, sql } = await demoDatabase(t)
const target = { url, connectTimeoutS: 5 }

const look = (advise = false) => verify({ target, migrationsFolder: MIGRATIONS_FOLDER, advise })

async function command(environment: 'development' | 'production', advise = false): Promise<string[]> {
  const lines: string[] = []
  const config = { environment, advise, size: 'small', progress: 'text', database: target } as const
  await runCommand('verify', config, line => void lines.push(line))
  return lines
}

await t.test('a database as the migrations make it has every index, and each listed query uses its own', async t => {
  const found = await look()
  t.same(found.indexes.missing, [])
  t.same(found.indexes.duplicate, [])
  t.same(found.indexes.undeclared, [])
  t.same(found.indexes.different, [], 'index-definitions.ts says what the migrations make')
  t.same(
    found.queries.filter(({ verdict }) => verdict === 'not-used'),
    [],
  )
  const [used, fitting] = (['used', 'fits'] as const).map(
    wanted => found.queries.filter(({ verdict }) => verdict === wanted).length,
  )
  t.ok((used ?? 0) + (fitting ?? 0) > 30, 'also on few rows')
  t.ok(found.passed)
  const [first, ...others] = await command('production')
  t.match(first, /^Indexes: (\d+) of \1 that the migrations declare are there\.$/)
  t.match(
    others.find(line => line.startsWith('Queries: ')),
    `Queries: ${used} of ${found.queries.length} use their index; ${fitting} more fit theirs, but were planned without`,
    'what was proved by discouraging the planner is counted for itself',
  )
})

await t.test('an index that is missing, invalid or there twice fails the command, and lines say which', async t => {
  await sql.unsafe('drop index idx_courses_published; create index by_hand on lessons (course_id)').simple()
  // Most lessons share their kind: the build fails, and leaves what it had begun.
  await t.rejects(sql`create unique index concurrently broken on lessons (kind)`)
  t.teardown(() =>
    sql
      .unsafe(
        `create index idx_courses_published on courses (published_at desc, id desc) where status = 'published';
         drop index by_hand;
         drop index broken`,
      )
      .simple(),
  )
  const found = await look()
  const text = renderVerification(found).join('\n')
  t.match(text, /missing +idx_courses_published on courses: 0001_learning\.sql declares it/)
  t.match(text, /invalid +broken on lessons: its build failed/)
  t.match(text, /duplicate +by_hand on lessons: lessons_course_id_position_unique begins with its columns/)
  t.match(text, /undeclared by_hand/)
  t.match(text, /courses: newest: expected idx_courses_published, its plan has /)
  await t.rejects(command('production'), {
    code: 'API_ERR_INDEXES',
    message: /Missing indexes: 1, different: 0, invalid: 1, duplicate: 1; queries without their index: [1-9]/,
  })
})

await t.test(
  'what has the name of a declared index is compared with it; what only resembles one is no duplicate',
  async t => {
    const changed = ['idx_user_tokens_token', 'idx_uploads_user', 'idx_users_user_type', 'badges_code_unique']
    t.teardown(() =>
      sql
        .unsafe(
          `drop index ${changed.join(', ')}, by_pattern, by_bytes, by_title, nulls_first, with_viewer;
         create unique index idx_user_tokens_token on user_tokens (token);
         create index idx_uploads_user on uploads (user_id, created_at desc, id desc);
         create index idx_users_user_type on users (user_type);
         alter table badges add constraint badges_code_unique unique (code)`,
        )
        .simple(),
    )
    await sql
      .unsafe(
        `drop index idx_user_tokens_token, idx_uploads_user, idx_users_user_type;
       create index idx_user_tokens_token on user_tokens (token);
       create index idx_uploads_user on uploads (user_id);
       create index idx_users_user_type on users (created_at);
       alter table badges drop constraint badges_code_unique;
       create unique index badges_code_unique on badges (code);
       alter index idx_notifications_user set (fillfactor = 90);

       create index by_pattern on users (lower(email) text_pattern_ops);
       create index by_title on blogs (title);
       create index by_bytes on blogs (title collate "C");
       create index nulls_first on pitches (founder_id nulls first);
       create index with_viewer on pitch_views (pitch_id, viewed_at desc) include (viewer_id)`,
      )
      .simple()
    const found = await look()
    t.notOk(found.passed)
    t.same(found.indexes.different.map(({ declared }) => declared.name).toSorted(), changed.toSorted())
    t.same(
      found.indexes.duplicate.map(({ index, coveredBy }) => [index.name, coveredBy.name]),
      [['idx_pitch_views_pitch', 'with_viewer']],
      'only the one whose columns the other one has all',
    )
    const lines = renderVerification(found)
    t.match(lines[0], new RegExp(`^Indexes: ${found.indexes.declared - 4} of ${found.indexes.declared} `))
    t.match(
      lines.find(line => line.includes('different  idx_user_tokens_token')),
      /0007_accounts\.sql declares; restore it: CREATE UNIQUE INDEX .* is: CREATE INDEX /,
    )
  },
)

await t.test(
  'an index is as old as its migration; of one that was made by hand, lines say that the age is unknown',
  async t => {
    const connection = openVerifyConnection(target)
    t.teardown(() => connection.close())
    await sql`update schema_migrations set applied_at = now() - interval '3 days' where version = 1`
    const days = await migrationDays(connection.sql)
    t.same([...days.keys()].toSorted(), (await readMigrations(MIGRATIONS_FOLDER)).map(({ name }) => name).toSorted())
    t.equal(Math.floor(days.get('0001_learning.sql') ?? 0), 3)
    t.teardown(() => sql`alter table ledger_elsewhere rename to schema_migrations`)
    await sql`alter table schema_migrations rename to ledger_elsewhere`
    t.same(await migrationDays(connection.sql), new Map(), 'a database that was made in another way')

    const index = (name: string) => ({ name, table: 'a', bytes: 2 ** 20 }) as ExistingIndex
    const found = await look()
    const unused = [
      { index: index('old'), days: 30.5 },
      { index: index('by_hand'), days: null },
    ]
    const text = renderVerification({ ...found, indexes: { ...found.indexes, unused } }).join('\n')
    t.match(text, /unused +old on a: never scanned in 30 days; 1\.0 MiB/)
    t.match(
      text,
      /unused +by_hand on a: never scanned since [-0-9T:.]+Z, or since it was made: its age is unknown; 1\.0 MiB/,
    )
  },
)

await t.test('plans of a table that was never analysed prove nothing', async t => {
  // As after a restore: rows are there, statistics are not. One without rows has none to have.
  await sql
    .unsafe(
      `create temporary table kept as select * from uploads;
       truncate uploads, ndas;
       insert into uploads overriding system value select * from kept;
       drop table kept`,
    )
    .simple()
  t.teardown(() => sql`analyze uploads`)
  const found = await look()
  t.same(
    found.queries.filter(({ verdict }) => verdict === 'no-statistics').map(({ query }) => query),
    ['uploads: of a user', 'uploads: of a course'],
  )
  t.notOk(found.passed)
  t.match(
    renderVerification(found).join('\n'),
    /without statistics of uploads: uploads: of a user, uploads: of a course\. Run ANALYZE/,
  )
})

await t.test('advice names the index that makes a query cheap, and leaves nothing behind', async t => {
  await sql`drop index idx_notifications_user`
  await sql`drop index idx_notifications_unread`
  await sql`
    insert into notifications (user_id, kind, title, body, created_at)
    select 1 + n % 50, 'system', 'x', '', now() - n * interval '1 minute' from generate_series(1, 5000) as n`
  await sql`analyze notifications`
  const before = await sql`select indexrelid from pg_index order by 1`
  const { advice, queries } = await look(true)
  t.match(
    advice.find(({ query }) => query === 'notifications: all'),
    {
      sql: 'create index idx_notifications_user_id_created_at_desc_id_desc on notifications (user_id, created_at desc, id desc)',
    },
  )
  for (const { costBefore, costAfter } of advice) t.ok(costAfter < costBefore / 2)
  t.match(
    queries.find(({ query }) => query === 'notifications: all'),
    { verdict: 'not-used', scanned: ['notifications'] },
  )
  t.same(await sql`select indexrelid from pg_index order by 1`, before)
  await t.rejects(command('production', true), { code: 'API_ERR_ADVICE_REFUSED' })
})
