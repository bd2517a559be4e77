// Erasing a user: SQL, and nothing else.
//
//     begin ─────────────► end ◄──────────────► batches of one step
//     nobody signs in      what they had goes,    as long as it has more rows than
//                          the row as well        fit a transaction
//
// Not one transaction, since a user may have a hundred thousand messages: it would hold its locks and its snapshot for many seconds, past the time of the request, and
// start again from nothing when it's cut. Who has little, nearly everybody, is erased by the two ends alone, in which stands what must not be half done:
//
// * begin: name and address are gone, and so is the password; all sessions have ended. From here on a sign-in fails as for an account that never was, and who asks
//   carries on, or the sweep does (src/retention): the row remembers that it was begun.
// * end: under the lock of the user's row nothing new can refer to it. What others need goes to a stand-in with an id of its own, so nothing that remembers the old one
//   (a log, a link, a backup) tells whose it was; there's none where there's nothing to keep.
//
// Everything may be run again, by several at once, from whatever point an earlier run has reached.
import { tableTag, type Transaction } from '@plimsoll/db-optimizer'
import { sessionTags } from '../../auth/session-tags.ts'
import type { Database } from '../../database/database.ts'
import { blogTags } from '../blogs/tags.ts'
import { courseTags } from '../courses/cache.ts'
import { userTags } from '../gamification/users.ts'
import { CHOOSE_UPLOADS, ERASURE_STEPS, type ErasureStep } from './erasure-steps.ts'

export interface DoomedUpload {
  readonly id: number
  readonly storageKey: string
}

export interface ErasureRepository {
  /** Closes the account; false when there's no such user. */
  begin(userId: number, signal?: AbortSignal): Promise<boolean>
  /** Uploads whose files are to be deleted, before their rows. */
  uploads(userId: number, limit: number, signal?: AbortSignal): Promise<readonly DoomedUpload[]>
  removeUploads(ids: readonly number[], signal?: AbortSignal): Promise<void>
  /** Deletes about `limit` rows of a step; whether there may be more. */
  remove(step: ErasureStep, userId: number, limit: number, signal?: AbortSignal): Promise<boolean>
  /**
   * Deletes the rest, and the user; null when it's over.
   * @returns the step that may have more than `limit` rows, or `uploads` when there are files to be deleted first: then the user is still there
   */
  end(userId: number, limit: number, signal?: AbortSignal): Promise<ErasureStep | 'uploads' | null>
  /** Users whose erasure was begun and isn't over. */
  unfinished(limit: number, signal?: AbortSignal): Promise<readonly number[]>
}

type Tx = Transaction<{ bigint: number }>

/** A statement sees what others have committed while it waited; everything may be done twice. */
const ERASING = { isolation: 'read committed', retries: 2, idempotent: true } as const
/** "erase" in ASCII. */
const ERASURE_LOCK_KEY = 435_710_686_053n
const FAMILIES_TABLE = tableTag('public', 'token_families')
/** Twice the same is never made; the domain is one that can't exist (RFC 2606). */
const STAND_IN = `'erased-' || replace(gen_random_uuid()::text, '-', '')`
const NAME = 'Erased user'

/** What answers show of these rows, by id. */
const TAGS: Readonly<Record<string, (id: number) => readonly string[]>> = {
  blogs: id => [blogTags.one(id), blogTags.lists],
  courses: id => [courseTags.one(id), courseTags.lists],
}

/** Columns by which a user is referred to in what's kept. */
const KEPT = [
  { table: 'courses', column: 'instructor_id', changes: '' },
  { table: 'uploads', column: 'user_id', changes: `, file_name = 'file'` },
  {
    table: 'pitches',
    column: 'founder_id',
    changes: `, title = 'Erased', summary = 'Erased', description = '', status = 'closed', visibility = 'private'`,
  },
  { table: 'pitch_scores', column: 'user_id', changes: '' },
  { table: 'ndas', column: 'user_id', changes: '' },
  { table: 'investments', column: 'investor_id', changes: '' },
] as const

export function createErasureRepository(database: Database): ErasureRepository {
  const { sql } = database
  return {
    begin(userId, signal) {
      return database.transaction(
        'users.erase-begin',
        async tx => {
          // No lock of the key, nor does the update below take one (its unique indexes are on expressions, which no foreign key refers to): a sign-in that holds the
          // credential goes on to refer to the user, and would wait for this one while this one waits for it.
          const [user] = await tx<{ erasure: string | null }[]>`
            select erasure from users where id = ${userId} and erasure is distinct from 'done' for no key update`
          if (user === undefined) return false
          if (user.erasure === 'begun') return true
          // A sign-in holds the credential until its family is there: whoever came before is seen by the next statement, whoever comes later finds no password.
          await tx`delete from credentials where user_id = ${userId}`
          await tx`
            update token_families set revoked_at = now(), revoked_for = 'logout-everywhere'
            where user_id = ${userId} and revoked_at is null`
          await tx.unsafe(
            `update users set email = ${STAND_IN} || '@erased.invalid', username = ${STAND_IN}, display_name = '${NAME}',
                    user_type = 'learner', erasure = 'begun', updated_at = now()
             where id = $1::bigint`,
            [userId],
          )
          tx.invalidates([
            userTags.one(userId),
            sessionTags.ofUser(userId),
            FAMILIES_TABLE,
            ...(await tagsOf(tx, userId)),
          ])
          return true
        },
        { ...ERASING, signal },
      )
    },

    uploads: (userId, limit, signal) =>
      database.read('users.erase-uploads', sql.unsafe<DoomedUpload[]>(CHOOSE_UPLOADS, [userId, limit]), signal),

    async removeUploads(ids, signal) {
      await database.transaction(
        'users.erase-uploads-rows',
        tx => tx`delete from uploads where id = any(${[...ids]}::bigint[])`,
        { ...ERASING, signal },
      )
    },

    remove(step, userId, limit, signal) {
      return database.transaction(
        'users.erase-batch',
        async tx => {
          await takeTurn(tx)
          return removeIn(tx, step, userId, limit)
        },
        { ...ERASING, signal },
      )
    },

    end(userId, limit, signal) {
      return database.transaction(
        'users.erase-end',
        async tx => {
          await takeTurn(tx)
          const users = await tx`select from users where id = ${userId} and erasure = 'begun' for update`
          // Somebody else was quicker.
          if (users.length === 0) return null
          // One after the other: those behind a step would take with them what it has left.
          for (const step of ERASURE_STEPS) if (await removeIn(tx, step, userId, limit)) return step
          // Files go before their rows, and outside of a transaction.
          if ((await tx.unsafe(CHOOSE_UPLOADS, [userId, 1])).length > 0) return 'uploads'
          tx.invalidates([userTags.one(userId), sessionTags.ofUser(userId), ...(await tagsOf(tx, userId))])
          await keepForOthers(tx, userId)
          await tx`delete from users where id = ${userId}`
          return null
        },
        { ...ERASING, signal },
      )
    },

    async unfinished(limit, signal) {
      const query = sql<{ id: number }[]>`
        select id from users where erasure = 'begun' order by id limit ${limit}`
      return (await database.read('users.erase-unfinished', query, signal)).map(({ id }) => id)
    },
  }
}

/**
 * Erasures take turns, transaction by transaction: what two users have in common (a conversation, a deal) is looked at by one of them at a time, and the same user's by
 * one of two who erase it.
 */
async function takeTurn(tx: Tx): Promise<void> {
  await tx`select pg_advisory_xact_lock(${String(ERASURE_LOCK_KEY)}::bigint)`
}

/** Whether there may be more. */
async function removeIn(tx: Tx, step: ErasureStep, userId: number, limit: number): Promise<boolean> {
  const { table, also = [], choice, text } = step
  const parameters: (number | number[])[] = [userId, limit]
  let isMore = false
  if (choice !== undefined) {
    const most = Math.ceil(limit / choice.rowsOfEach)
    const ids = (await tx.unsafe<{ id: number }[]>(choice.text, [userId, most])).map(({ id }) => id)
    if (ids.length === 0) return false
    for (const held of choice.held) await tx.unsafe(held, [ids])
    parameters.push(ids)
    // Also when all of them turn out to be kept: those aren't chosen again, and others may be behind them.
    isMore = ids.length >= most
  }
  const rows = await tx
    .unsafe<{ id: number }[]>(text, parameters)
    .with({ invalidates: [table, ...also].map(name => tableTag('public', name)) })
  const tagsFor = TAGS[table]
  if (tagsFor !== undefined && rows.length > 0) tx.invalidates(rows.flatMap(({ id }) => tagsFor(id)))
  return isMore || rows.length >= limit
}

/** Tags of everything that shows the user's name. */
async function tagsOf(tx: Tx, userId: number): Promise<string[]> {
  const [blogs, courses] = await tx.batch([
    tx<{ id: number }[]>`select id from blogs where author_id = ${userId} and status = 'published'`,
    tx<{ id: number }[]>`select id from courses where instructor_id = ${userId} and status = 'published'`,
  ])
  return [
    ...(blogs.length === 0 ? [] : [blogTags.lists, ...blogs.map(({ id }) => blogTags.one(id))]),
    ...courses.map(({ id }) => courseTags.one(id)),
  ]
}

async function keepForOthers(tx: Tx, userId: number): Promise<void> {
  const any = KEPT.map(({ table, column }) => `exists (select from ${table} where ${column} = $1::bigint)`).join(' or ')
  const [standIn] = await tx.unsafe<{ id: number }[]>(
    `insert into users (email, username, display_name, erasure)
     select ${STAND_IN} || '@erased.invalid', ${STAND_IN}, '${NAME}', 'done' where ${any}
     returning id`,
    [userId],
  )
  if (standIn === undefined) return
  for (const { table, column, changes } of KEPT)
    await tx.unsafe(`update ${table} set ${column} = $2::bigint${changes} where ${column} = $1::bigint`, [
      userId,
      standIn.id,
    ])
}
