// Workers that die as a damaged map makes them die: the tier goes, the service stays.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { until } from '@plimsoll/testing'
import t from 'tap'
import { get, startCluster, type WorkerStatus } from '../fixture/cluster.ts'
import { demoDatabase } from '../fixture/demo-database.ts'

t.setTimeout(120_000)

const database = await demoDatabase(t)

await t.test('after two crashes in a minute the shared memory is left alone, and workers serve without it', async t => {
  const folder = mkdtempSync(path.join(tmpdir(), 'api-cache-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const cluster = await startCluster(t, { DATABASE_URL: database.url, FEATURE_CACHING: 'true', CACHE_FOLDER: folder })
  const answers = async () => {
    const [first] = await cluster.endpoints()
    return get(first?.url ?? '', '/api/courses?limit=2')
  }
  const isDown = async () => /^cache_tier_down\{tier="machine"\} (\d)$/m.exec(await cluster.metrics())?.[1]
  t.equal((await answers()).status, 200)
  t.equal(await isDown(), '0')
  for (let crash = 1; crash <= 2; crash++) {
    const victim = (await cluster.workers()).find(({ worker }) => worker === 0) as WorkerStatus
    process.kill(victim.pid, 'SIGSEGV')
    await until(
      async () =>
        (await cluster.workers()).some(
          ({ worker, pid, state }) => worker === 0 && pid !== victim.pid && state === 'ready',
        ),
      { what: 'another worker in its place', timeoutMs: 20_000 },
    )
  }
  await until(async () => (await isDown()) === '1', { what: 'the tier to be off', timeoutMs: 10_000 })
  t.equal((await answers()).status, 200)
  t.match(cluster.program.stdout, /off until the next start/)
})
