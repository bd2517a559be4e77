import { existsSync, readFileSync } from 'node:fs'
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { isAlive, rawServer, spawnProgram, until, type TestScope } from '@plimsoll/testing'

const main = path.join(import.meta.dirname, '..', '..', 'src', 'test-run', 'main.ts')
const saysItAll = path.join(import.meta.dirname, '../programs', 'says.mjs')

/** A folder for temporary files that the server's user can reach, so that this file sees its own runs only. */
async function temporaryFolder(t: TestScope): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'plimsoll-test-run-'))
  await chmod(folder, 0o755)
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A run of one test file that says what it was given, then waits or ends with the exit code `then`. */
async function startRun(t: Test, folder: string, then: string, url?: string) {
  const into = path.join(t.testdir({}), 'said.json')
  const run = await spawnProgram(t, ['node', main, saysItAll, '--jobs=1'], {
    env: { TMPDIR: folder, PLIMSOLL_TEST_DATABASE_URL: url, SAYS_INTO: into, SAYS_THEN: then },
  })
  const said = () =>
    until(() => existsSync(into) && readFileSync(into, 'utf8').endsWith('}'), {
      what: run.stderr,
      timeoutMs: 20_000,
    }).then(() => JSON.parse(readFileSync(into, 'utf8')) as { url: string; pid: number })
  return { run, said }
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

await t.test('a test file gets a server; a signal ends the file and the run, and the server goes last', async t => {
  const folder = await temporaryFolder(t)
  const { run, said } = await startRun(t, folder, 'wait')
  const { url, pid } = await said()
  t.match(url, /^postgres:\/\/postgres:\S+@127\.0\.0\.1:\d+\/postgres$/)
  const [server = 0] = await serversIn(folder)
  t.ok(isAlive(server))
  run.kill('SIGTERM')
  const { code } = await run.exited
  t.not(code, 0, run.stderr)
  t.notOk(isAlive(server))
  t.strictSame(await serversIn(folder), [])
  await until(() => !isAlive(pid), { what: 'the test file to end' })
})

await t.test(
  'what a killed run leaves behind, the next start removes: here a test file that is run alone, with a server of its own',
  async t => {
    const folder = await temporaryFolder(t)
    const { run, said } = await startRun(t, folder, 'wait')
    const { pid } = await said()
    const [server = 0] = await serversIn(folder)
    run.kill('SIGKILL')
    // The runner, which has the output, ends with its last file.
    process.kill(pid, 'SIGKILL')
    await run.exited
    t.ok(isAlive(server), 'the server outlives its starter')
    const lone = await spawnProgram(t, ['node', path.join(import.meta.dirname, '../programs', 'lone.ts')], {
      env: { TMPDIR: folder, PLIMSOLL_TEST_DATABASE_URL: undefined },
    })
    t.strictSame(await lone.exited, { code: 0, signal: null }, lone.stdout)
    t.notOk(isAlive(server))
    t.strictSame(await serversIn(folder), [])
  },
)

await t.test('a server that is given is used, and none is started; the exit code says how it went', async t => {
  const folder = await temporaryFolder(t)
  const peer = await rawServer(t)
  const url = `postgres://postgres:x@127.0.0.1:${peer.port}/postgres`
  const good = await startRun(t, folder, '0', url)
  t.strictSame(await good.run.exited, { code: 0, signal: null }, good.run.stderr)
  t.match(await good.said(), { url })
  t.match(good.run.stdout, '1 files passed, 0 failed')
  const bad = await startRun(t, folder, '3', url)
  t.strictSame(await bad.run.exited, { code: 1, signal: null })
  t.match(bad.run.stdout, /NOT OK .*says\.mjs/)
  t.match(bad.run.stdout, 'exitCode: 3')
  t.strictSame(await serversIn(folder), [])
})

await t.test('a failed assert is shown with its place, a skip is not silent', async t => {
  const peer = await rawServer(t)
  const file = path.join(import.meta.dirname, '..', 'failing', 'asserts.ts')
  const run = await spawnProgram(t, ['node', main, file], {
    env: { PLIMSOLL_TEST_DATABASE_URL: `postgres://postgres:x@127.0.0.1:${peer.port}/postgres` },
  })
  t.strictSame(await run.exited, { code: 1, signal: null })
  t.match(run.stdout, /what is asserted[^]*asserts\.ts:4/)
  t.match(run.stdout, /SKIPPED in .*asserts\.ts\n {2}is not for today: no reason/)
  t.match(run.stdout, '0 files passed, 1 failed, 1 asserts passed')
})

await t.test('what is no test file, folder or option is refused before anything starts', async t => {
  const folder = await temporaryFolder(t)
  for (const [args, message] of [
    [['nowhere'], 'There is no file or folder nowhere.'],
    [['--jobs=0'], '"--jobs=0" is not understood'],
    [[folder], 'There is no test file in'],
  ] as const) {
    const run = await spawnProgram(t, ['node', main, ...args], { cwd: folder, env: { TMPDIR: folder } })
    t.strictSame(await run.exited, { code: 1, signal: null })
    t.match(run.stderr, message)
  }
  t.strictSame(await readdir(folder), [])
})
