// The whole stack as its user starts it: `npm start`, real database, real processes; traffic, metrics, a killed worker, SIGTERM.
import { readFile, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import t, { type Test } from 'tap'
import { freePort, isAlive, requireProgram, spawnProgram, until, type SpawnedProgram } from '@plimsoll/testing'
import { spawnSync } from 'node:child_process'

const checkout = path.resolve(import.meta.dirname, '../../..')

interface RunningStack {
  readonly program: SpawnedProgram
  readonly service: string
  readonly admin: string
  readonly apiAdmin: string
  readonly folder: string
}

interface Worker {
  readonly worker: number
  readonly generation: number
  readonly pid: number
  readonly state: string
}

/** A data folder that the database's unprivileged user can reach, removed with the test. */
function dataFolder(t: Test): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-stack-'))
  chmodSync(folder, 0o755)
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function startStack(
  t: Test,
  folder: string,
  workers: readonly string[] = ['--workers=2'],
): Promise<RunningStack> {
  const [port, adminPort, apiAdminPort] = [await freePort(), await freePort(), await freePort()]
  const program = await spawnProgram(
    t,
    [
      'npm',
      'start',
      '--',
      `--port=${port}`,
      `--admin-port=${adminPort}`,
      `--api-admin-port=${apiAdminPort}`,
      ...workers,
      '--demo=small',
    ],
    { cwd: checkout, env: { PLIMSOLL_DATA: folder, DATABASE_URL: undefined }, ownGroup: true, stopTimeoutMs: 30_000 },
  )
  await program.line(/Stop with Ctrl-C/, { timeoutMs: 90_000 })
  return {
    program,
    folder,
    service: `http://127.0.0.1:${port}`,
    admin: `http://127.0.0.1:${adminPort}`,
    apiAdmin: `http://127.0.0.1:${apiAdminPort}`,
  }
}

const workersOf = async (stack: RunningStack) =>
  ((await (await fetch(`${stack.apiAdmin}/workers`)).json()) as { workers: Worker[] }).workers

/** Value of one sample in Prometheus' text form; 0 when it's not there. */
async function sample(url: string, series: string): Promise<number> {
  const line = (await (await fetch(`${url}/metrics`)).text()).split('\n').find(text => text.startsWith(`${series} `))
  return Number(line?.slice(series.length + 1) ?? 0)
}

t.setTimeout(240_000)

await t.test(
  'the stack serves real rows, survives the death of a worker with requests on it, and stops in order',
  async t => {
    const folder = dataFolder(t)
    const stack = await startStack(t, folder)

    await t.test('rows come through the balancer, page by page', async t => {
      const first = (await (await fetch(`${stack.service}/api/courses?limit=2`)).json()) as {
        items: { id: string }[]
        next: string | null
      }
      t.equal(first.items.length, 2)
      t.type(first.next, 'string')
      const second = (await (await fetch(`${stack.service}/api/courses?limit=2&cursor=${first.next}`)).json()) as {
        items: { id: string }[]
      }
      t.notOk(second.items.some(item => first.items.some(seen => seen.id === item.id)))
      const lessons = await fetch(`${stack.service}/api/courses/${first.items[0]?.id}/lessons`)
      t.equal(lessons.status, 200)
      t.equal((await fetch(`${stack.service}/api/courses/does-not-exist`)).status >= 400, true)
    })

    await t.test('health and metrics answer on both ends', async t => {
      t.equal((await fetch(`${stack.admin}/health`)).status, 200)
      t.equal((await fetch(`${stack.apiAdmin}/health`)).status, 200)
      t.equal((await fetch(`${stack.service}/health`)).status, 200)
      const [balancer, fleet] = await Promise.all(
        [stack.admin, stack.apiAdmin].map(async url => (await fetch(`${url}/metrics`)).text()),
      )
      t.match(balancer, /^lb_requests_total\{[^}]*code="200"\} [1-9]/m)
      t.match(balancer, /^lb_rate_limit_max_keys\{rule="endpoint"\} [1-9]/m, 'clients are limited')
      t.match(balancer, /^lb_rate_limit_keys\{rule="overall"\} 0$/m, 'but for those of this machine')
      t.match(fleet, /^api_requests_total\{[^}]*\} [1-9]/m)
      t.equal((await fetch(`${stack.service}/metrics`)).status, 404, 'metrics are not public')
    })

    await t.test('Prometheus accepts the metrics of both ends', async t => {
      const promtool = requireProgram(t, 'promtool')
      if (promtool === undefined) return
      for (const url of [stack.admin, stack.apiAdmin]) {
        const text = await (await fetch(`${url}/metrics`)).text()
        const checked = spawnSync(promtool, ['check', 'metrics'], { input: text, encoding: 'utf8' })
        t.equal(checked.status, 0, checked.stderr)
      }
    })

    await t.test('a worker that is killed with requests on it costs no request, and is replaced', async t => {
      const [victim] = await workersOf(stack)
      if (!victim) throw new Error('no worker is listed')
      const series = `lb_upstream_requests_active{server="${victim.worker}-${victim.generation}"}`
      // Stopped, it takes requests and answers none: so they are on it when it dies.
      process.kill(victim.pid, 'SIGSTOP')
      const requests = Array.from({ length: 20 }, () => fetch(`${stack.service}/api/courses?limit=1`))
      // Least connections sends little to one that does not answer.
      await until(async () => (await sample(stack.admin, series)) >= 1, {
        what: 'requests to be in flight on the worker',
      })
      const inFlight = await sample(stack.admin, series)
      process.kill(victim.pid, 'SIGKILL')
      const answers = await Promise.all(requests)
      t.same(
        answers.map(answer => answer.status),
        Array.from({ length: 20 }, () => 200),
        `${inFlight} requests were in flight on worker ${victim.worker}`,
      )
      await Promise.all(answers.map(answer => answer.text()))
      await until(
        async () =>
          (await workersOf(stack)).some(
            worker =>
              worker.worker === victim.worker && worker.generation > victim.generation && worker.state === 'ready',
          ),
        {
          what: 'the supervisor to replace the worker',
          timeoutMs: 30_000,
        },
      )
      t.notOk(isAlive(victim.pid))
      await until(
        async () => ((await (await fetch(`${stack.admin}/health`)).json()) as { available: number }).available === 2,
        { what: 'the balancer to take the new worker', timeoutMs: 10_000 },
      )
    })

    await t.test('SIGTERM ends it in order: exit code 0, no process left, the database clean', async t => {
      const pids = (await workersOf(stack)).map(worker => worker.pid)
      const postmaster = Number((await readFile(await find(folder, 'postmaster.pid'), 'utf8')).split('\n')[0])
      const exit = await stack.program.stop()
      t.same(exit, { code: 0, signal: null }, stack.program.lines.join('\n'))
      for (const pid of [...pids, postmaster]) t.notOk(isAlive(pid), `process ${pid} has ended`)
      await t.rejects(fetch(stack.service))
    })

    await t.test('a second start finds the data clean, and takes other ports and options', async t => {
      const again = await startStack(t, folder, ['--load-balancing=false'])
      t.equal((await fetch(`${again.service}/api/courses?limit=1`)).status, 200)
      t.equal((await workersOf(again)).length, 1, 'a single instance, however many cores there are')
      const log = await readdir(path.join(folder, 'logs'))
      t.ok(log.length > 0)
      t.notMatch(again.program.stdout, /not properly shut down/)
      t.match(again.program.stdout, /existing data/)
      const blocked = await spawnProgram(t, ['npm', 'start', '--', `--port=${new URL(again.service).port}`], {
        cwd: checkout,
        env: { PLIMSOLL_DATA: folder },
        ownGroup: true,
      })
      const exit = await blocked.exited
      t.equal(exit.code, 1)
      t.match(blocked.stderr, new RegExp(`Port ${new URL(again.service).port} .* is in use.*--port`))
      t.same(await again.program.stop(), { code: 0, signal: null })
    })
  },
)

/** Path of the one file with that name below a folder. */
async function find(folder: string, name: string): Promise<string> {
  const found = (await readdir(folder, { recursive: true })).find(file => path.basename(file) === name)
  if (found === undefined) throw new Error(`${name} is not below ${folder}`)
  return path.join(folder, found)
}

await t.test('what keeps it from starting is said in one line, with exit code 1 and nothing left running', async t => {
  const cases: [string, string[], Record<string, string | undefined>, RegExp][] = [
    ['a bad DATABASE_URL', [], { DATABASE_URL: 'mysql://x' }, /DATABASE_URL.*postgres:\/\/USER@HOST:5432\/DATABASE/],
    [
      'a database that nobody serves',
      [],
      { DATABASE_URL: 'postgres://u:secret@127.0.0.1:9/x', PLIMSOLL_DATA: dataFolder(t) },
      /ECONNREFUSED|refused/,
    ],
    [
      'a data folder that cannot be made',
      [],
      { PLIMSOLL_DATA: '/proc/plimsoll', DATABASE_URL: undefined },
      /\/proc\/plimsoll.*PLIMSOLL_DATA/,
    ],
    ['an unknown flag', ['--wokers=2'], {}, /--wokers.*--workers/],
    ['two single instances', ['--workers=2', '--load-balancing=false'], {}, /workers: 2 .*loadBalancing/],
  ]
  for (const [name, flags, env, expected] of cases) {
    const program = await spawnProgram(
      t,
      ['npm', 'start', '--', '--port=0', '--admin-port=0', '--api-admin-port=0', ...flags],
      { cwd: checkout, env, ownGroup: true },
    )
    const exit = await program.exited
    t.equal(exit.code, 1, name)
    const lines = program.lines.filter(line => line.includes('plimsoll: ') || line.startsWith('plimsoll:'))
    t.equal(lines.length, 1, `${name}: ${program.lines.join(' | ')}`)
    t.match(lines[0], expected)
    t.notMatch(program.lines.join('\n'), /secret|\n\s+at /, 'no password and no stack')
  }
})
