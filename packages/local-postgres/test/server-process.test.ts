// The server's process with programs that behave as a real one rarely does.
import t from 'tap'
import { leakCheck, until, type TestScope } from '@plimsoll/testing'
import { ServerProcess } from '../src/server-process.ts'
import { clusterFolder, fakeProgram } from './fake-program.ts'
import { temporaryFolder } from './temporary-folder.ts'

leakCheck(t)

async function start(t: Pick<TestScope, 'teardown'>, script: string, stopTimeoutMs = 10_000): Promise<ServerProcess> {
  const folder = await temporaryFolder(t)
  const server = new ServerProcess(clusterFolder(folder), {
    postgres: await fakeProgram(folder, script),
    settings: new Map([['work_mem', '4MB']]),
    stopTimeoutMs,
    stopOnExit: false,
  })
  t.teardown(() => server.stop('immediate'))
  return server
}

const deaf = `trap 'echo "got INT" >&2' INT; trap 'exit 3' QUIT; echo ready >&2; while :; do sleep 0.02; done`
const begun = (server: ServerProcess): Promise<unknown> =>
  until(() => server.log().includes('ready'), { what: 'the script to begin' })

await t.test('a fast stop that takes too long becomes an immediate one', async t => {
  const server = await start(t, deaf, 50)
  await begun(server)
  await server.stop('fast')
  t.strictSame(await server.exited, { code: 3, signal: null })
  t.match(server.log(), 'got INT')
})

await t.test('an immediate stop hurries a fast one that is under way', async t => {
  const server = await start(t, deaf)
  await begun(server)
  const stopping = server.stop('fast')
  await until(() => server.log().includes('got INT'), { what: 'the first signal' })
  await Promise.all([server.stop('immediate'), stopping])
  t.strictSame(await server.exited, { code: 3, signal: null })
})

await t.test('a server that ends before it is ready shows its last words', async t => {
  const server = await start(t, 'echo "FATAL:  oh dear" >&2; exit 1')
  await t.rejects(server.ready(5000, undefined), {
    code: 'LOCAL_POSTGRES_ERR_START_FAILED',
    message: /it ended \(exit code 1\)[\s\S]*FATAL: {2}oh dear/,
  })
  const silent = await start(t, 'kill -9 $$')
  await t.rejects(silent.ready(5000, undefined), { message: /it ended \(SIGKILL\)\. It wrote no log/ })
})

await t.test('a program that can not be run is a server that ended', async t => {
  const folder = await temporaryFolder(t)
  const server = new ServerProcess(clusterFolder(folder), {
    postgres: `${folder}/missing`,
    settings: new Map(),
    stopTimeoutMs: 1000,
    stopOnExit: true,
  })
  await t.rejects(server.ready(5000, undefined), { code: 'LOCAL_POSTGRES_ERR_START_FAILED', message: /ENOENT/ })
  t.equal(server.pid, 0)
  await server.stop('fast')
})

await t.test('the log keeps its last 20 kB', async t => {
  const server = await start(
    t,
    'for i in 1 2 3 4 5 6; do printf "%05000d\\n" $i >&2; done; echo ready >&2; exec sleep 60',
  )
  await begun(server)
  t.equal(Buffer.byteLength(server.log()), 20_480)
  t.ok(server.log().endsWith('6\nready\n'))
})
