import t from 'tap'
import { moveAway, ownEnvironment } from '../../src/field-reports/databases.ts'

await t.test('our programs see nothing that would change their configuration', async t => {
  const env = { PATH: '/bin', HOME: '/home/x', DB_MAX_CONNECTIONS: '1', FEATURE_CACHING: 'false', REDIS_HOST: 'there' }
  t.same(ownEnvironment({ env, temporary: '/tmp/run' }), {
    PATH: '/bin',
    HOME: '/home/x',
    TMPDIR: '/tmp/run',
    CACHE_FOLDER: '/tmp/run/cache',
  })
})

await t.test('no distance is no way of its own', async t => {
  const io = { nodePath: process.execPath, signal: new AbortController().signal }
  const way = await moveAway(io, 'postgres://user@127.0.0.1:5432/any', 0)
  t.equal(way.port, '5432')
  const longer = await moveAway(io, 'postgres://user@127.0.0.1:5432/any', 1)
  t.not(longer.port, '5432')
  await longer.stop()
})
