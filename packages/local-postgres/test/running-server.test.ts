// Every state of a data folder, with programs that look like a postmaster on it.
import { access, mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { isAlive, leakCheck, spawnProgram, type SpawnedProgram, type TestScope } from '@plimsoll/testing'
import { findProcess } from '../src/process-table.ts'
import { clearTheWay, findRunningServer, ownerToken } from '../src/running-server.ts'
import { temporaryFolder } from './temporary-folder.ts'

leakCheck(t)

/** A data folder whose postmaster.pid names a process. */
async function dataFolder(t: Pick<TestScope, 'teardown'>, pid: number | string, writtenAs?: string): Promise<string> {
  const data = path.join(await temporaryFolder(t), 'data')
  await mkdir(data)
  await writeFile(
    path.join(data, 'postmaster.pid'),
    `${pid}\n${writtenAs ?? data}\n1\n15432\n\n127.0.0.1\n1 1\nready\n`,
  )
  return data
}

/** A program with a postmaster's arguments; `code` runs in it. */
async function postmaster(t: TestScope, data: string, owner?: string, code = ''): Promise<SpawnedProgram> {
  const settings = owner === undefined ? [] : ['-c', `plimsoll.owner=${owner}`]
  const program = await spawnProgram(t, [
    'node',
    '-e',
    `${code}; setInterval(() => {}, 1000); console.log('up')`,
    '--',
    'postgres',
    '-D',
    data,
    ...settings,
  ])
  await program.line('up')
  return program
}

/** A data folder and the program that its file names. */
async function running(t: TestScope, owner?: string, code?: string): Promise<{ data: string; server: SpawnedProgram }> {
  const data = await dataFolder(t, 0)
  const server = await postmaster(t, data, owner, code)
  await writeFile(path.join(data, 'postmaster.pid'), `${server.pid}\n${data}\n`)
  return { data, server }
}

const GONE = '9999999/1'

await t.test('no file, an empty one, or a process that is gone: none', async t => {
  t.strictSame(await findRunningServer(path.join(await temporaryFolder(t), 'data')), { state: 'none' })
  for (const pid of ['', 'x', '-1', '9999999'])
    t.strictSame(await findRunningServer(await dataFolder(t, pid)), { state: 'none' }, pid)
})

await t.test(
  'a process that is no server, or one on another folder: stale; its files are removed, and those of others are not',
  async t => {
    const data = await dataFolder(t, process.pid)
    t.strictSame(await findRunningServer(data), { state: 'stale', pid: process.pid })
    const socket = path.join(path.dirname(data), 'socket')
    await mkdir(socket)
    await writeFile(path.join(socket, '.s.PGSQL.1.lock'), `${process.pid}\n`)
    await writeFile(path.join(socket, '.s.PGSQL.2.lock'), '1\n')
    t.equal(await clearTheWay(data, 100, () => {}), false)
    await t.rejects(access(path.join(data, 'postmaster.pid')))
    await t.rejects(access(path.join(socket, '.s.PGSQL.1.lock')))
    await access(path.join(socket, '.s.PGSQL.2.lock'))

    const elsewhere = await postmaster(t, '/another/folder')
    t.match(await findRunningServer(await dataFolder(t, elsewhere.pid)), { state: 'stale' })
  },
)

await t.test('a server without an owner, started by hand, owns itself and is left alone', async t => {
  const { data, server } = await running(t)
  t.strictSame(await findRunningServer(data), { state: 'owned', pid: server.pid, ownerPid: server.pid })
  await t.rejects(
    clearTheWay(data, 100, () => {}),
    { code: 'LOCAL_POSTGRES_ERR_IN_USE', ownerPid: server.pid },
  )
  t.ok(isAlive(server.pid))
})

await t.test('a server is known by the name of the folder that it has written down itself', async t => {
  const server = await postmaster(t, '/mounted/elsewhere')
  const data = await dataFolder(t, server.pid, '/mounted/elsewhere')
  t.match(await findRunningServer(data), { state: 'owned', pid: server.pid })
})

await t.test('a server whose owner lives: owned', async t => {
  const { data, server } = await running(t, await ownerToken())
  t.strictSame(await findRunningServer(data), { state: 'owned', pid: server.pid, ownerPid: process.pid })
})

await t.test(
  'a server whose owner is gone, or whose owner’s id is somebody else’s by now: orphaned, and stopped',
  async t => {
    const { data, server } = await running(t, GONE)
    t.strictSame(await findRunningServer(data), { state: 'orphaned', pid: server.pid })
    const steps: string[] = []
    t.equal(await clearTheWay(data, 5000, step => steps.push(step)), true)
    t.strictSame(await server.exited, { code: null, signal: 'SIGINT' })
    t.match(steps, [new RegExp(`pid ${server.pid}\\) whose starter is gone`)])

    const startedAt = (await findProcess(process.pid))?.startedAt ?? 0
    const reused = await running(t, `${process.pid}/${startedAt - 1}`)
    t.match(await findRunningServer(reused.data), { state: 'orphaned' })
  },
)

await t.test(
  'an orphan that does not stop fast is told to quit, and one that does not quit either is reported',
  async t => {
    const slow = await running(t, GONE, 'process.on("SIGINT", () => {})')
    t.equal(await clearTheWay(slow.data, 50, () => {}), true)
    t.match(await slow.server.exited, { signal: 'SIGQUIT' })
    const deaf = await running(t, GONE, 'process.on("SIGINT", () => {}); process.on("SIGQUIT", () => {})')
    await t.rejects(
      clearTheWay(deaf.data, 50, () => {}),
      {
        code: 'LOCAL_POSTGRES_ERR_IN_USE',
        ownerPid: deaf.server.pid,
        message: new RegExp(`kill -QUIT ${deaf.server.pid}`),
      },
    )
    t.ok(isAlive(deaf.server.pid))
  },
)
