// The cluster as a program: workers on Unix sockets, the list for the balancer, the fleet's address, and the way down.
import t from 'tap'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { isAlive, until } from '@plimsoll/testing'
import { get, startCluster, TOKEN } from './fixture/cluster.ts'
import { demoDatabase } from './fixture/demo-database.ts'

const database = await demoDatabase(t)
// Five workers are started and a replacement overlaps for two seconds: on a busy machine that takes its time.
t.setTimeout(90_000)

await t.test(
  'a cluster serves on every worker, is replaced without a lost request, survives a kill, and ends in order',
  async t => {
    const { program, ready, admin, endpoints, workers, metrics } = await startCluster(t, { DATABASE_URL: database.url })
    t.match(ready, { msg: 'listening', workers: 2, admin: /^127\.0\.0\.1:\d+$/ })

    const first = await endpoints()
    t.match(first, [
      { state: 'ready', url: /^unix:\// },
      { state: 'ready', url: /^unix:\// },
    ])
    for (const { url } of first) {
      const { status, body } = await get(url, '/api/courses?limit=1')
      t.equal(status, 200)
      t.equal((JSON.parse(body) as { items: unknown[] }).items.length, 1)
      t.equal((await get(url, '/metrics')).status, 404, "the figures are the fleet's")
    }
    const text = await metrics()
    t.match(
      text,
      /^api_requests_total\{route="\/api\/courses",method="GET",code="200"\} 2$/m,
      'summed over the workers',
    )
    t.match(text, /^db_up 1$/m)

    // A client that never stops asking, while a worker is replaced by its next generation.
    const asking = new AbortController()
    const outcomes: number[] = []
    const client = (async () => {
      while (!asking.signal.aborted) {
        const alive = (await endpoints()).filter(({ state }) => state === 'ready')
        for (const { url } of alive) outcomes.push((await get(url, '/api/courses/1')).status)
      }
    })()
    const replaced = await fetch(`${admin}/workers/0/replace`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}` },
    })
    asking.abort()
    await client
    t.equal(replaced.status, 200)
    t.ok(outcomes.length > 0 && outcomes.every(status => status === 200), `${outcomes.length} requests, all answered`)
    // The file follows the end of the old worker by a moment.
    const second = await until(async () => (await endpoints()).length === 2 && endpoints(), { what: 'a list of two' })
    t.notSame(
      second.map(({ id }) => id),
      first.map(({ id }) => id),
    )
    t.match(
      await metrics(),
      /^api_requests_total\{route="\/api\/courses",method="GET",code="200"\} 2$/m,
      'what the ended workers counted is kept',
    )

    const [victim] = await workers()
    if (!victim) throw new Error('no worker to kill')
    process.kill(victim.pid, 'SIGKILL')
    await until(
      async () => (await workers()).filter(({ state, pid }) => state === 'ready' && pid !== victim.pid).length === 2,
      { what: 'a new worker', timeoutMs: 20_000 },
    )
    for (const { url } of await endpoints()) t.equal((await get(url, '/health/ready')).status, 200)

    const pids = (await workers()).map(({ pid }) => pid)
    t.same(await program.stop(), { code: 0, signal: null })
    t.same(pids.filter(isAlive), [], 'no process is left')
    t.same(
      (await readdir(path.dirname(ready.endpoints))).filter(name => name.endsWith('.sock')),
      [],
      'no socket is left',
    )
    t.same(await endpoints(), [])
    t.equal(program.stderr, '')
  },
)
