// Whether a server runs on a data folder already, and whose it is.
//
// The server's process outlives its starter when that's killed. It carries its owner on its command line (`-c plimsoll.owner=<pid>/<started at>`), so the
// two can't get apart as two files could. States of a data folder, told from data/postmaster.pid and the process table:
//     none      no file, or its process is gone; PostgreSQL itself clears the file at the next start
//     stale     the process id is in use again by something else, or a zombie's: PostgreSQL would take it for a server, so the file is removed
//     owned     a server runs, and its owner lives (or it was started by other means, by hand for instance, and owns itself)
//     orphaned  a server runs, and its owner is gone
import { readdir, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { hasCode, LocalPostgresError } from './errors.ts'
import { answersToSignals, findProcess, type RunningProcess } from './process-table.ts'
import { OWNER_SETTING } from './settings.ts'

export type RunningServer =
  | { readonly state: 'none' }
  | { readonly state: 'stale'; readonly pid: number }
  | { readonly state: 'owned'; readonly pid: number; readonly ownerPid: number }
  | { readonly state: 'orphaned'; readonly pid: number }

/** The value of the owner setting for this process. */
export async function ownerToken(): Promise<string> {
  const self = await findProcess(process.pid)
  return `${process.pid}/${self?.startedAt ?? 0}`
}

/** postmaster.pid, line by line: pid, data folder, start time, port, socket folder, address, shared memory key, state. */
export async function readPostmasterFile(data: string): Promise<readonly string[]> {
  try {
    return (await readFile(path.join(data, 'postmaster.pid'), 'utf8')).split('\n').map(line => line.trim())
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}

export async function findRunningServer(data: string): Promise<RunningServer> {
  const lines = await readPostmasterFile(data)
  const pid = Number(lines[0])
  if (!Number.isInteger(pid) || pid <= 0) return { state: 'none' }
  const server = await findProcess(pid)
  if (server === undefined || !servesFolder(server, namesOf(data, lines))) {
    if (!answersToSignals(pid)) return { state: 'none' }
    // Where not even we are listed, nothing can be told about others: believe the file.
    const blind = (await findProcess(process.pid)) === undefined
    return blind ? { state: 'owned', pid, ownerPid: pid } : { state: 'stale', pid }
  }
  const [, ownerPid, startedAt] = OWNER_ARGUMENT.exec(server.command) ?? []
  if (ownerPid === undefined) return { state: 'owned', pid, ownerPid: pid }
  const owner = await findProcess(Number(ownerPid))
  return owner !== undefined && owner.startedAt === Number(startedAt)
    ? { state: 'owned', pid, ownerPid: owner.pid }
    : { state: 'orphaned', pid }
}

const OWNER_ARGUMENT = new RegExp(`${OWNER_SETTING.replace('.', '\\.')}=(\\d+)/(\\d+)`)

/** The folder's names: ours, and the one that the server itself has written down, which differs where the folder is mounted twice. */
function namesOf(data: string, lines: readonly string[]): readonly string[] {
  return lines[1] === undefined || lines[1] === '' ? [data] : [data, lines[1]]
}

/** True when the process is a postmaster on this folder. Its command line is `postgres -D <folder> -c ...`; a session's title names no folder. */
function servesFolder(server: RunningProcess, names: readonly string[]): boolean {
  const words = server.command.split('\0')
  if (words.length === 1)
    return words[0]?.includes('postgres') === true && names.some(name => server.command.includes(name))
  return names.some(name => words.some((word, index) => word === name && words[index - 1] === '-D'))
}

/** How often a process that isn't our child is looked at, in milliseconds. */
const POLL_INTERVAL_MS = 10

/**
 * Clears the way for a start: stops a server whose owner is gone, in order, and removes a stale file. Gives true when it stopped one.
 * @throws LOCAL_POSTGRES_ERR_IN_USE when the server belongs to a living process, or doesn't end.
 */
export async function clearTheWay(
  data: string,
  stopTimeoutMs: number,
  onProgress: (step: string) => void,
): Promise<boolean> {
  const server = await findRunningServer(data)
  switch (server.state) {
    case 'none':
      return false
    case 'stale':
      await removeStaleFiles(data, server.pid)
      return false
    case 'owned':
      throw new LocalPostgresError(
        'LOCAL_POSTGRES_ERR_IN_USE',
        `PostgreSQL (pid ${server.pid}) already runs on ${data} and belongs to process ${server.ownerPid}. Stop that process (kill ${server.ownerPid}) or name another folder (PLIMSOLL_DATA).`,
        { ownerPid: server.ownerPid },
      )
    case 'orphaned':
      onProgress(`stopping a PostgreSQL (pid ${server.pid}) whose starter is gone`)
      await stopOrphan(server.pid, data, stopTimeoutMs)
      return true
    default:
      return server satisfies never
  }
}

/** Removes what names a process id that isn't a server's: postmaster.pid, and the lock of the socket, which PostgreSQL judges in the same way. */
async function removeStaleFiles(data: string, pid: number): Promise<void> {
  const socket = path.join(path.dirname(data), 'socket')
  const locks = await readdir(socket).catch(() => [])
  for (const file of [path.join(data, 'postmaster.pid'), ...locks.map(name => path.join(socket, name))]) {
    // Read again right before: another start may have put its own file there by now.
    const [named] = (await readFile(file, 'utf8').catch(() => '')).split('\n')
    if (Number(named) === pid) await rm(file, { force: true })
  }
}

/** Fast, then immediate. Before each signal the process is looked at again: a process id may pass to somebody else. */
async function stopOrphan(pid: number, data: string, stopTimeoutMs: number): Promise<void> {
  const started = (await findProcess(pid))?.startedAt
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    const deadlineMs = performance.now() + stopTimeoutMs
    for (let sent = false; ; sent = true) {
      const server = await findProcess(pid)
      if (server === undefined || server.startedAt !== started) return
      if (!sent) sendSignal(pid, signal)
      if (performance.now() > deadlineMs) break
      await sleep(POLL_INTERVAL_MS)
    }
  }
  throw new LocalPostgresError(
    'LOCAL_POSTGRES_ERR_IN_USE',
    `PostgreSQL (pid ${pid}) runs on ${data} without an owner and doesn't stop. End it by hand (kill -QUIT ${pid}).`,
    { ownerPid: pid },
  )
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error
  }
}
