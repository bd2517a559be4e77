// How the cluster ends when there is something in its way: requests under way, or a start that isn't over.
import t from 'tap'
import { rawClient, until } from '@plimsoll/testing'
import { get, runFolder, spawnCluster, startCluster } from './fixture/cluster.ts'
import { demoDatabase } from './fixture/demo-database.ts'

const database = await demoDatabase(t)
t.setTimeout(60_000)

await t.test('a request that is under way when the order to stop comes is answered', async t => {
  const { program, endpoints } = await startCluster(t, { DATABASE_URL: database.url, API_WORKERS: '1' })
  const [endpoint] = await endpoints()
  const socketPath = endpoint?.url.replace('unix:', '') ?? ''
  // Half a request: the worker knows of it, and waits for the rest.
  const client = await rawClient(t, { path: socketPath })
  await client.write('GET /api/courses/1 HTTP/1.1\r\nhost: x\r\n')
  program.kill('SIGTERM')
  await until(async () => (await get(endpoint?.url ?? '', '/health/ready')).status === 503, {
    what: 'the worker to drain',
  })
  await client.write('\r\n')
  t.equal((await client.readResponse()).status, 200)
  t.same(await program.exited, { code: 0, signal: null })
})

await t.test('a cluster that is told to stop while it starts ends in order', async t => {
  const program = await spawnCluster(t, { DATABASE_URL: database.url, API_RUN_FOLDER: await runFolder(t) })
  await program.line('The database answers', { timeoutMs: 30_000 }) // Said by a worker that doesn't listen yet.
  program.kill('SIGTERM')
  t.same(await program.exited, { code: 0, signal: null })
  t.notMatch(program.stdout, /"msg":"listening"/)
  t.equal(program.stderr, '')
})
