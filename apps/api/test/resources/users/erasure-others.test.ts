// What an erasure leaves to others: what they have in common with the user, also what they come to have while it is under way.
import t from 'tap'
import { until } from '@plimsoll/testing'
import { createErasureRepository } from '../../../src/resources/users/erasure-repository.ts'
import { ERASURE_STEPS } from '../../../src/resources/users/erasure-steps.ts'
import { Eraser } from '../../../src/resources/users/eraser.ts'
import { demoDatabase } from '../../fixture/demo-database.ts'
import { testApp } from '../../fixture/test-app.ts'

t.setTimeout(60_000)

const database = await demoDatabase(t)
const { sql } = database
const { dependencies } = await testApp(t, database.url)
const repository = createErasureRepository(dependencies.database)
const logger = dependencies.logger.child({}, { level: 'silent' })
const removedFiles: string[] = []
const files = { remove: async (keys: readonly string[]) => void removedFiles.push(...keys) }
const eraser = new Eraser({ repository, files, logger, batchSize: 1000 })
const erase = (userId: number) => eraser.erase(userId, () => true)

async function idOf(text: string): Promise<number> {
  const [row] = await sql.unsafe<{ id: string }[]>(`${text} returning id`)
  return Number(row?.id)
}

let made = 0
function newUser(): Promise<number> {
  made += 1
  const name = `others-${made}`
  return idOf(`insert into users (email, username, display_name) values ('${name}@example.org', '${name}', '${name}')`)
}
function newCourse(instructorId: number): Promise<number> {
  made += 1
  return idOf(`
    insert into courses (slug, title, summary, description, category, level, instructor_id, status, published_at)
    values ('others-${made}', 'A course', 'A summary', '', 'security', 'beginner', ${instructorId}, 'published', now())`)
}
const newLesson = (courseId: number) =>
  idOf(`
    insert into lessons (course_id, position, title, summary, kind, duration_minutes)
    values (${courseId}, 1, 'A lesson', '', 'reading', 5)`)
const newUpload = (userId: number, courseId: number, key: string) =>
  idOf(`
    insert into uploads (user_id, course_id, file_name, media_type, bytes, sha256, storage_key)
    values (${userId}, ${courseId}, 'a.pdf', 'application/pdf', 1, sha256('x'), '${key}')`)
const newPitch = (founderId: number) =>
  idOf(`
    insert into pitches (founder_id, title, summary, description, industry, stage, status, visibility, goal)
    values (${founderId}, 'A pitch', 'A summary', '', 'energy', 'idea', 'active', 'public', 100)`)
const newConversation = () => idOf(`insert into conversations (title) values ('A talk')`)
const newSession = (userId: number) => idOf(`insert into sessions (user_id, title) values (${userId}, 'A session')`)
const exists = async (table: string, id: number) => (await sql`select from ${sql(table)} where id = ${id}`).length === 1

const SAID = {
  message: (session: number, conversation: number, position = 1) => `
    insert into chat_messages (session_id, conversation_id, position, role, content)
    values (${session}, ${conversation}, ${position}, 'user', 'Hello')`,
  interaction: (session: number, conversation: number | null) => `
    insert into ai_interactions (session_id, conversation_id, model, prompt, prompt_tokens)
    values (${session}, ${conversation ?? 'null'}, 'model', 'A prompt', 1)`,
  response: (session: number, conversation: number, interaction: number) => `
    insert into ai_responses (interaction_id, session_id, conversation_id, content, response_tokens, latency_ms)
    values (${interaction}, ${session}, ${conversation}, 'An answer', 1, 1)`,
}

/** Says something by one of the three tables only. */
async function say(kind: keyof typeof SAID, session: number, conversation: number): Promise<number> {
  if (kind !== 'response') return idOf(SAID[kind](session, conversation))
  return idOf(SAID.response(session, conversation, await idOf(SAID.interaction(session, null))))
}

/** Writes in a transaction that commits only when the erasure waits for it. */
async function meanwhile(write: string, userId: number): Promise<unknown> {
  const { erased } = await sql.begin(async tx => {
    await tx.unsafe(write)
    const [self] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`
    const begun = erase(userId)
    await waitedFor(self?.pid)
    return { erased: begun }
  })
  return erased
}

async function waitedFor(pid: number | undefined): Promise<void> {
  await until(
    async () => (await sql`select from pg_stat_activity where ${pid ?? 0} = any(pg_blocking_pids(pid))`).length > 0,
    { what: 'the erasure to wait' },
  )
}

await t.test('a conversation stays with whoever else has said something in it, by whatever it is known', async t => {
  for (const kind of ['message', 'interaction', 'response'] as const) {
    const [userId, otherId] = [await newUser(), await newUser()]
    const [session, otherSession] = [await newSession(userId), await newSession(otherId)]
    const [shared, own] = [await newConversation(), await newConversation()]
    await say(kind, session, own)
    const table = { message: 'chat_messages', interaction: 'ai_interactions', response: 'ai_responses' }[kind]
    // One message of a session has the second place.
    if (kind === 'message') await sql.unsafe(SAID.message(session, shared, 2))
    else await say(kind, session, shared)
    const said = await say(kind, otherSession, shared)
    t.equal(await erase(userId), 'erased')
    t.ok(await exists('conversations', shared), `the other's ${kind} keeps it`)
    t.same(await sql`select conversation_id from ${sql(table)} where id = ${said}`, [
      { conversation_id: String(shared) },
    ])
    t.notOk(await exists('conversations', own), `one that only a ${kind} of the user was in goes`)
    t.equal(await erase(otherId), 'erased')
    t.notOk(await exists('conversations', shared), 'with the last one it goes')
  }
})

await t.test('which conversations are whose is written down batch by batch, with what said so', async t => {
  const userId = await newUser()
  const session = await newSession(userId)
  for (let position = 1; position <= 5; position += 1)
    await sql.unsafe(SAID.message(session, await newConversation(), position))
  const step = ERASURE_STEPS.find(({ table }) => table === 'chat_messages')
  if (step === undefined) throw new Error('There is no such step.')
  const left: number[] = []
  let isMore = true
  while (isMore) {
    isMore = await repository.remove(step, userId, 2)
    const [row] = await sql`select count(*)::int as links from conversation_sessions where session_id = ${session}`
    left.push(row?.['links'] as number)
  }
  t.same(left, [2, 4, 5])
})

await t.test('a course is kept for whoever comes to learn from it while it is being deleted', async t => {
  const otherId = await newUser()
  const kept = await newUser()
  for (const kind of ['enrolment', 'progress', 'upload'] as const) {
    const userId = await newUser()
    const courseId = await newCourse(userId)
    const lessonId = await newLesson(courseId)
    const own = await newUpload(userId, courseId, `own-${kind}`)
    const write = {
      enrolment: `insert into enrolments (user_id, course_id) values (${otherId}, ${courseId})`,
      progress: `insert into progress (user_id, lesson_id) values (${otherId}, ${lessonId})`,
      upload: `
        insert into uploads (user_id, course_id, file_name, media_type, bytes, sha256, storage_key)
        values (${kept}, ${courseId}, 'a.pdf', 'application/pdf', 1, sha256('x'), 'of-another')`,
    }[kind]
    t.equal(await meanwhile(write, userId), 'erased', kind)
    t.ok(await exists('courses', courseId), kind)
    t.ok(await exists('lessons', lessonId), `${kind}: whole`)
    t.ok(await exists('uploads', own), `${kind}: with its files`)
    t.notOk(removedFiles.includes(`own-${kind}`))
    t.notOk(await exists('users', userId))
  }
  t.equal((await sql`select from enrolments where user_id = ${otherId}`).length, 1)
  t.equal((await sql`select from progress where user_id = ${otherId}`).length, 1)
  t.equal((await sql`select from uploads where user_id = ${kept}`).length, 1)
})

await t.test(
  'a pitch is kept for whoever signs or invests while it is being deleted, and so are its scores',
  async t => {
    const otherId = await newUser()
    const nda = (pitchId: number) =>
      `insert into ndas (pitch_id, user_id, status, signed_at) values (${pitchId}, ${otherId}, 'signed', now())`
    for (const [kind, write] of [
      ['new', nda],
      [
        'signed',
        (pitchId: number) => `update ndas set status = 'signed', signed_at = now() where pitch_id = ${pitchId}`,
      ],
      [
        'investment',
        (pitchId: number) =>
          `insert into investments (pitch_id, investor_id, amount) values (${pitchId}, ${otherId}, 5)`,
      ],
    ] as const) {
      const userId = await newUser()
      const pitchId = await newPitch(userId)
      if (kind === 'signed') await sql`insert into ndas (pitch_id, user_id) values (${pitchId}, ${otherId})`
      await sql`insert into pitch_scores (pitch_id, user_id, score) values (${pitchId}, ${otherId}, 3)`
      t.equal(await meanwhile(write(pitchId), userId), 'erased', kind)
      t.ok(await exists('pitches', pitchId), kind)
      t.equal((await sql`select from pitch_scores where pitch_id = ${pitchId}`).length, 1, `${kind}: its scores`)
    }
    t.equal((await sql`select from ndas where user_id = ${otherId} and status = 'signed'`).length, 2)
    t.equal((await sql`select from investments where investor_id = ${otherId}`).length, 1)
  },
)

await t.test('a conversation is kept for whoever writes in it while it is being deleted', async t => {
  const [userId, otherId] = [await newUser(), await newUser()]
  const conversation = await newConversation()
  await say('message', await newSession(userId), conversation)
  const write = SAID.message(await newSession(otherId), conversation)
  t.equal(await meanwhile(write, userId), 'erased')
  t.ok(await exists('conversations', conversation))
  t.equal((await sql`select from chat_messages where conversation_id = ${conversation}`).length, 1)
})

await t.test('more courses and pitches than a batch has all go, and those that are kept hold up none', async t => {
  const [userId, otherId] = [await newUser(), await newUser()]
  for (let count = 0; count < 4; count += 1) {
    const courseId = await newCourse(userId)
    await newLesson(courseId)
    await newUpload(userId, courseId, `many-${count}`)
    const pitchId = await newPitch(userId)
    await sql`insert into pitch_views (pitch_id) select ${pitchId} from generate_series(1, 3)`
    if (count !== 0) continue
    await sql`insert into enrolments (user_id, course_id) values (${otherId}, ${courseId})`
    await sql`insert into investments (pitch_id, investor_id, amount) values (${pitchId}, ${otherId}, 5)`
  }
  const small = new Eraser({ repository, files, logger, batchSize: 2 })
  t.equal(await small.erase(userId, () => true), 'erased')
  t.equal(
    (
      await sql`select from courses where slug like 'others-%' and id in (select course_id from enrolments where user_id = ${otherId})`
    ).length,
    1,
  )
  const standIn = await sql<{ courses: number; pitches: number }[]>`
    select (select count(*)::int from courses c where c.instructor_id = u.id) as courses,
           (select count(*)::int from pitches p where p.founder_id = u.id) as pitches
    from users u join investments i on i.investor_id = ${otherId} join pitches p on p.id = i.pitch_id where u.id = p.founder_id`
  t.same(standIn, [{ courses: 1, pitches: 1 }])
  t.same(removedFiles.filter(key => key.startsWith('many-')).toSorted(), ['many-1', 'many-2', 'many-3'])
})

await t.test('an erasure that waits for a sign-in does not keep that from ending', async t => {
  const userId = await newUser()
  await sql`
    insert into credentials (user_id, password_hash)
    values (${userId}, ${`$argon2id$v=19$m=1,t=1,p=1$${'a'.repeat(22)}$${'a'.repeat(43)}`})`
  const { begun } = await sql.begin(async signIn => {
    const [self] = await signIn<{ pid: number }[]>`select pg_backend_pid() as pid`
    await signIn`select from credentials where user_id = ${userId} for share`
    const waiting = repository.begin(userId)
    await waitedFor(self?.pid)
    // What the foreign key of the family asks for next; behind a stronger lock the two would wait for each other.
    await signIn`select from users where id = ${userId} for key share nowait`
    await signIn`insert into token_families (user_id, expires_at) values (${userId}, now() + interval '1 hour')`
    return { begun: waiting }
  })
  t.equal(await begun, true)
  const [family] = await sql`select revoked_for from token_families where user_id = ${userId}`
  t.match(family, { revoked_for: 'logout-everywhere' }, 'and its session is ended')
})
