// What an operator sees when the cluster can't start.
import t from 'tap'
import { createServer, type AddressInfo } from 'node:net'
import path from 'node:path'
import { runFolder, spawnCluster } from './fixture/cluster.ts'
import { demoDatabase, emptyTestDatabase } from './fixture/demo-database.ts'
import { NO_DATABASE } from './fixture/test-app.ts'

// Databases and programs are started: on a busy machine that takes its time.
t.setTimeout(60_000)

const database = await demoDatabase(t)

await t.test('what stands in the way of a start is one line, exit code 1, and nothing is left running', async t => {
  const refused = async (env: Record<string, string | undefined>, pattern: RegExp) => {
    const program = await spawnCluster(t, { DATABASE_URL: database.url, API_RUN_FOLDER: await runFolder(t), ...env })
    t.same(await program.exited, { code: 1, signal: null })
    t.match(program.stderr, pattern)
    t.equal(program.stderr.trim().split('\n').length, 1, program.stderr)
    t.notMatch(program.stdout, /listening/)
    t.notMatch(program.stderr, /secret-password/)
  }
  const taken = createServer()
  await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve))
  t.teardown(() => taken.close())
  await Promise.all([
    refused({ API_ADMIN_PORT: String((taken.address() as AddressInfo).port) }, /can't listen on 127\.0\.0\.1:\d+/),
    refused({ DATABASE_URL: NO_DATABASE }, /can't be reached \(ECONNREFUSED\)/),
    refused(
      { DATABASE_URL: (await emptyTestDatabase(t)).url },
      /lacks \d+ migrations, the first is 0001_learning\.sql; run "npm run db:migrate"/,
    ),
    refused({ API_RUN_FOLDER: path.join(import.meta.filename, 'run') }, /run folder/),
    refused({ API_WORKERS: 'many' }, /API_WORKERS/),
    // The schema is looked at past the pooler.
    refused({ DATABASE_DIRECT_URL: NO_DATABASE }, /can't be reached \(ECONNREFUSED\)/),
  ])
})
