// A transaction whose end is known, or known to be unknown: its id is fetched before anything is done, so that a lost answer to COMMIT can be looked up.
import { EPOCH } from '../retry/resolve-commit.ts'
import { SessionFailure, type MigrationSession } from './session.ts'

/** COMMIT was sent and not answered; internal, it's resolved by whoever runs the migration. */
export class CommitLost extends Error {
  override readonly name = 'CommitLost'
  readonly xid: string
  readonly backendPid: number
  readonly epoch: string

  constructor({ xid, backendPid, epoch }: OpenTransaction) {
    super(`no answer to the commit of ${xid}`)
    this.xid = xid
    this.backendPid = backendPid
    this.epoch = epoch
  }
}

/** A transaction that is under way: its id, its session's process, and the server's epoch. */
export interface OpenTransaction {
  readonly xid: string
  readonly backendPid: number
  readonly epoch: string
}

/**
 * Runs `work` in a transaction; what `work` throws rolls it back.
 * @throws CommitLost, SessionFailure, or what `work` throws
 */
export async function inTransaction<Result>(
  session: MigrationSession,
  work: (transaction: OpenTransaction) => Promise<Result>,
): Promise<Result> {
  await session.run('begin isolation level read committed read write')
  let transaction: OpenTransaction
  let result: Result
  try {
    const [row] = await session.query(
      `select pg_current_xact_id()::text as xid, pg_backend_pid() as pid, ${EPOCH} as epoch`,
    )
    transaction = { xid: String(row?.['xid']), backendPid: Number(row?.['pid']), epoch: String(row?.['epoch']) }
    result = await work(transaction)
  } catch (error) {
    await session.rollback()
    throw error
  }
  await commit(session, transaction)
  return result
}

async function commit(session: MigrationSession, transaction: OpenTransaction): Promise<void> {
  let tag: string
  try {
    tag = await session.commit()
  } catch (error) {
    // A deferred constraint, a conflict: the server has answered and undone it. The fence is for the driver.
    if (error instanceof SessionFailure && error.serverError !== undefined) {
      await session.fence()
      throw error
    }
    throw new CommitLost(transaction)
  }
  if (tag !== 'COMMIT') throw new Error(`the server answered ${tag} to COMMIT`)
}
