import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { isAlive, rawServer, spawnProgram, type SpawnedProgram, type TestScope } from '@plimsoll/testing'

const main = path.join(import.meta.dirname, '..', 'src', 'test-run', 'main.ts')

/** A folder for temporary files that the server's user can reach, so that this file sees its own runs only. */
async function temporaryFolder(t: TestScope): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'plimsoll-test-run-'))
  await chmod(folder, 0o755)
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A workspace whose tap is the fake one. */
function workspace(t: Test): string {
  const file = path.join(import.meta.dirname, 'programs', 'fake-tap.mjs')
  return t.testdir({ node_modules: { '.bin': { tap: t.fixture('symlink', file) } }, deep: { down: {} } })
}

function startRun(t: Test, folder: string, args: string[], url?: string): Promise<SpawnedProgram> {
  return spawnProgram(t, ['node', main, ...args], {
    cwd: path.join(workspace(t), 'deep', 'down'),
    env: { TMPDIR: folder, PLIMSOLL_TEST_DATABASE_URL: url },
  })
}

/** Pids of the servers whose folders are there. */
async function serversIn(folder: string): Promise<number[]> {
  const names = (await readdir(folder)).filter(name => name.startsWith('plimsoll-postgres-'))
  return Promise.all(
    names.map(async name =>
      Number.parseInt(await readFile(path.join(folder, name, 'data', 'postmaster.pid'), 'utf8'), 10),
    ),
  )
}

await t.test(
  'tap gets its arguments and a server; a signal is passed on, its exit code is the run’s, the server goes last',
  async t => {
    const folder = await temporaryFolder(t)
    const run = await startRun(t, folder, ['wait', '--jobs=2', 'a b'])
    const said: unknown = JSON.parse(await run.line('{'))
    t.match(said, {
      args: ['wait', '--jobs=2', 'a b', '--allow-incomplete-coverage'],
      url: /^postgres:\/\/postgres:\S+@127\.0\.0\.1:\d+\/postgres$/,
    })
    const [server = 0] = await serversIn(folder)
    t.ok(isAlive(server))
    run.kill('SIGTERM')
    t.strictSame(await run.exited, { code: 5, signal: null }, run.stderr)
    t.notOk(isAlive(server))
    t.strictSame(await serversIn(folder), [])
  },
)

await t.test(
  'what a killed run leaves behind, the next start removes: here a test file that is run alone, with a server of its own',
  async t => {
    const folder = await temporaryFolder(t)
    const killed = await startRun(t, folder, ['wait'])
    const { pid } = JSON.parse(await killed.line('{')) as { pid: number }
    const [server = 0] = await serversIn(folder)
    killed.kill('SIGKILL')
    await killed.exited
    process.kill(pid, 'SIGKILL')
    t.ok(isAlive(server), 'the server outlives its starter')
    const lone = await spawnProgram(t, ['node', path.join(import.meta.dirname, 'programs', 'lone.ts')], {
      env: { TMPDIR: folder, PLIMSOLL_TEST_DATABASE_URL: undefined },
    })
    t.strictSame(await lone.exited, { code: 0, signal: null }, lone.stdout)
    t.notOk(isAlive(server))
    t.strictSame(await serversIn(folder), [])
  },
)

await t.test('a server that is given is used, and none is started', async t => {
  const folder = await temporaryFolder(t)
  const peer = await rawServer(t)
  const url = `postgres://postgres:x@127.0.0.1:${peer.port}/postgres`
  const run = await startRun(t, folder, ['3'], url)
  t.strictSame(await run.exited, { code: 3, signal: null }, run.stderr)
  t.match(JSON.parse(await run.line('{')), { url })
  t.strictSame(await serversIn(folder), [])
})

await t.test('without tap it says so', async t => {
  const folder = await temporaryFolder(t)
  const run = await spawnProgram(t, ['node', main], { cwd: '/', env: { TMPDIR: folder } })
  t.strictSame(await run.exited, { code: 1, signal: null })
  t.match(run.stderr, "tap isn't installed")
  t.strictSame(await readdir(folder), [])
})
