// A fleet within a limit: heaps are sized to fit, the figures are in its metrics, SIGHUP replaces every worker, and one that's old is replaced.
import { until } from '@plimsoll/testing'
import t from 'tap'
import { get, startCluster } from '../fixture/cluster.ts'
import { demoDatabase } from '../fixture/demo-database.ts'

t.setTimeout(120_000)

const database = await demoDatabase(t)

await t.test('heaps fit the limit, and the metrics say how near each limit is', async t => {
  const cluster = await startCluster(t, { DATABASE_URL: database.url, MEMORY_LIMIT_MIB: '512' })
  t.match(cluster.program.stdout, /Of 512 MiB 2 workers get/)
  const metrics = await cluster.metrics()
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1])
  t.ok(value('memory_heap_limit_bytes') < 256 * 2 ** 20)
  t.ok(value('memory_heap_used_bytes') > 2 ** 20)
  t.ok(value('memory_share_bytes') < 256 * 2 ** 20)
  t.equal(value('memory_pressure_level'), 0)
  t.match(metrics, /^supervisor_workers_wanted 2$/m)
})

await t.test('SIGHUP replaces every worker by its next generation, and nothing else ends', async t => {
  const cluster = await startCluster(t, { DATABASE_URL: database.url })
  const before = await cluster.workers()
  cluster.program.kill('SIGHUP')
  await cluster.program.line('All workers have been replaced', { timeoutMs: 60_000 })
  const after = await cluster.workers()
  t.same(
    after.map(({ worker, generation, state }) => ({ worker, generation, state })),
    before.map(({ worker, generation }) => ({ worker, generation: generation + 1, state: 'ready' })),
  )
  for (const { url } of await cluster.endpoints()) t.equal((await get(url, '/api/courses?limit=1')).status, 200)
  cluster.program.kill('SIGTERM')
  t.same(await cluster.program.exited, { code: 0, signal: null })
})

await t.test('a worker that is old is replaced, in its turn', async t => {
  const cluster = await startCluster(t, {
    DATABASE_URL: database.url,
    API_WORKERS: '1',
    API_WORKER_MAX_AGE_S: '5',
    API_RECYCLE_INTERVAL_MS: '0',
  })
  const [first] = await cluster.workers()
  await until(
    async () =>
      (await cluster.workers()).some(
        ({ generation, state }) => generation > (first?.generation ?? 0) && state === 'ready',
      ),
    { what: 'the next generation', timeoutMs: 60_000 },
  )
  await until(async () => /supervisor_recycles_total\{[^}]*reason="age"[^}]*\} [1-9]/.test(await cluster.metrics()), {
    what: 'the replacement in the metrics',
    timeoutMs: 30_000,
  })
  t.pass('it was counted as one for age')
})
