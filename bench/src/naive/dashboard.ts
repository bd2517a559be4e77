// A dashboard in eight queries, one after the other; what somebody lacks who comes for the first time is inserted row by row in between.
import type { Row, Sql } from 'postgres'

const FIRST_STREAKS = ['login', 'learning']
const FIRST_BADGE = 'welcome'
const MAX_COURSES = 10
const MAX_NEWEST = 5
const DAY_MS = 86_400_000

interface Enrolment {
  readonly course_id: string
  readonly enrolled_at: Date
  readonly completed_at: Date | null
  readonly slug: string
  readonly title: string
  readonly status: string
}

interface Lesson {
  readonly id: string
  readonly course_id: string
  readonly position: number
  readonly title: string
  readonly duration_minutes: number
}

interface Progress {
  readonly lesson_id: string
  readonly percent: number
  readonly started_at: Date
  readonly updated_at: Date
  readonly completed_at: Date | null
}

export async function readDashboard(sql: Sql, user: Row, nowMs: number): Promise<object> {
  const id = user['id'] as string
  const wallet = await walletOf(sql, id)
  const streaks = await streaksOf(sql, id)
  const badges = await badgesOf(sql, id)
  const enrolments = await sql<Enrolment[]>`
    select c.*, e.* from enrolments e join courses c on c.id = e.course_id where e.user_id = ${id}`
  const courseIds = enrolments.map(({ course_id }) => course_id)
  const lessons = await sql<Lesson[]>`select * from lessons where course_id = any(${courseIds}) order by position`
  const progress = await sql<Progress[]>`select * from progress where user_id = ${id}`
  const transactions = await sql`
    select * from wallet_transactions where user_id = ${id} order by sequence desc limit ${MAX_NEWEST}`
  const begun = beginningsOf(enrolments, lessons, progress)
  return {
    user,
    wallet,
    transactions,
    streaks: streaks.map(streak => ({ ...streak, is_broken: isBroken(streak, nowMs) })),
    badges: badges.slice(0, MAX_NEWEST),
    badge_count: badges.length,
    badge_points: badges.reduce((sum, badge) => sum + Number(badge['points']), 0),
    courses: begun.slice(0, MAX_COURSES),
    totals: totalsOf(enrolments, lessons, progress, begun.length),
  }
}

async function walletOf(sql: Sql, id: string): Promise<Row | undefined> {
  const [wallet] = await sql`select * from wallets where user_id = ${id}`
  if (wallet !== undefined) return wallet
  const [made] = await sql`insert into wallets (user_id) values (${id}) returning *`
  return made
}

async function streaksOf(sql: Sql, id: string): Promise<readonly Row[]> {
  const streaks: Row[] = await sql`select * from user_streaks where user_id = ${id}`
  for (const type of FIRST_STREAKS) {
    if (streaks.some(streak => streak['streak_type'] === type)) continue
    streaks.push(...(await sql`insert into user_streaks (user_id, streak_type) values (${id}, ${type}) returning *`))
  }
  return streaks
}

/** Newest first. */
async function badgesOf(sql: Sql, id: string): Promise<readonly Row[]> {
  const read = () => sql`
    select b.*, u.awarded_at from user_badges u join badges b on b.id = u.badge_id
    where u.user_id = ${id} order by u.awarded_at desc, b.id desc`
  const badges = await read()
  if (badges.some(badge => badge['code'] === FIRST_BADGE)) return badges
  const [welcome] = await sql`select * from badges where code = ${FIRST_BADGE}`
  if (welcome === undefined) return badges
  await sql`insert into user_badges (user_id, badge_id) values (${id}, ${welcome['id']})`
  return read()
}

function isBroken(streak: Row, nowMs: number): boolean {
  const last = streak['last_active_on'] as Date | null
  return last === null || dayOf(last) < dayOf(new Date(nowMs - DAY_MS))
}

/** Courses that were begun and not completed, the last active one first. */
function beginningsOf(enrolments: readonly Enrolment[], lessons: readonly Lesson[], progress: readonly Progress[]) {
  const progressOf = new Map(progress.map(one => [one.lesson_id, one]))
  const lessonsOf = Map.groupBy(lessons, ({ course_id }) => course_id)
  return enrolments
    .filter(({ status, completed_at }) => status === 'published' && completed_at === null)
    .map(({ course_id, slug, title, enrolled_at }) => {
      const own = lessonsOf.get(course_id) ?? []
      const made = own.map(({ id }) => progressOf.get(id)).filter(one => one !== undefined)
      return {
        id: course_id,
        slug,
        title,
        lesson_count: own.length,
        lessons_completed: made.filter(({ completed_at }) => completed_at !== null).length,
        percent: own.length === 0 ? 0 : Math.floor(sum(made.map(({ percent }) => percent)) / own.length),
        next_lesson: own.find(({ id }) => (progressOf.get(id)?.completed_at ?? null) === null) ?? null,
        last_active_at: new Date(Math.max(Number(enrolled_at), ...made.map(one => Number(one.updated_at)))),
      }
    })
    .toSorted((a, b) => Number(b.last_active_at) - Number(a.last_active_at) || Number(b.id) - Number(a.id))
}

function totalsOf(
  enrolments: readonly Enrolment[],
  lessons: readonly Lesson[],
  progress: readonly Progress[],
  coursesInProgress: number,
) {
  const completed = new Set(progress.filter(one => one.completed_at !== null).map(one => one.lesson_id))
  const moments = progress.flatMap(one => [one.started_at, one.updated_at, one.completed_at])
  return {
    lessons_completed: completed.size,
    minutes_learned: sum(lessons.filter(({ id }) => completed.has(id)).map(one => one.duration_minutes)),
    courses_completed: enrolments.filter(one => one.completed_at !== null).length,
    courses_in_progress: coursesInProgress,
    active_days: new Set(moments.filter(moment => moment !== null).map(dayOf)).size,
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function dayOf(moment: Date): string {
  return moment.toISOString().slice(0, 'YYYY-MM-DD'.length)
}
