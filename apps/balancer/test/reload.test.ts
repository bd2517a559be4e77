// A new configuration is taken as one change, or not at all; a real process, told by SIGHUP.
import { rename, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import t, { type Test } from 'tap'
import { leakCheck, rawClient, spawnProgram, until } from '@plimsoll/testing'
import { answerTo, final, get } from './conversation.ts'
import { answer, strictOrigin } from './strict-origin.ts'

leakCheck(t)

const MAIN = path.join(import.meta.dirname, '../src/main.ts')

async function started(t: Test, config: object) {
  const file = path.join(t.testdir(), 'balancer.json')
  const write = async (next: object | string) => {
    await writeFile(`${file}.new`, typeof next === 'string' ? next : JSON.stringify(next))
    await rename(`${file}.new`, file)
  }
  await write(config)
  const program = await spawnProgram(t, ['node', MAIN, '--config', file])
  const line = JSON.parse(await program.line(/"msg":"listening"/)) as { listen: string; admin: string }
  const port = Number(line.listen.split(':').at(-1))
  const metric = async (name: string) => {
    const text = await (await fetch(`http://${line.admin}/metrics`)).text()
    return Number(
      text
        .split('\n')
        .find(one => one.startsWith(`${name} `))
        ?.slice(name.length + 1),
    )
  }
  const available = (count: number) =>
    until(
      async () =>
        ((await (await fetch(`http://${line.admin}/health`)).json()) as { available: number }).available === count,
      { what: `${count} endpoints` },
    )
  return { program, port, write, metric, available }
}

const config = (...upstream: object[]) => ({
  listen: '127.0.0.1:0',
  admin: '127.0.0.1:0',
  upstream,
  strategy: 'round-robin',
  health: { intervalMs: 50, changingIntervalMs: 20 },
  shutdown: { graceMs: 0, drainMs: 2000 },
})

await t.test('endpoints are replaced under load, and no request is lost', async t => {
  const named = async (name: string) => {
    const server = createServer((_request, response) => response.end(name))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => {
      server.close()
      server.closeAllConnections()
    })
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  const [a, b] = [await named('a'), await named('b')]
  const { program, port, write, metric, available } = await started(t, config({ url: a }))
  await available(1)
  const load = new AbortController()
  const answers = new Map<string, number>()
  const clients = Array.from({ length: 8 }, async () => {
    while (!load.signal.aborted) {
      const response = await fetch(`http://127.0.0.1:${port}/`)
      const key = `${response.status} ${await response.text()}`
      answers.set(key, (answers.get(key) ?? 0) + 1)
    }
  })
  await until(() => (answers.get('200 a') ?? 0) > 50, { what: 'a to serve' })
  await write(config({ url: a }, { url: b }))
  program.kill('SIGHUP')
  await until(() => (answers.get('200 b') ?? 0) > 50, { what: 'b to serve' })
  await write(config({ url: b }))
  program.kill('SIGHUP')
  await until(async () => (await metric('lb_config_reloads_total')) === 2, { what: 'the second reload' })
  const ofA = answers.get('200 a') ?? 0
  const ofB = answers.get('200 b') ?? 0
  await until(() => (answers.get('200 b') ?? 0) > ofB + 100, { what: 'b to serve alone' })
  t.ok((answers.get('200 a') ?? 0) - ofA <= 8, 'a gets nothing new')
  load.abort()
  await Promise.all(clients)
  t.same([...answers.keys()].toSorted(), ['200 a', '200 b'], 'each request was answered well')
})

await t.test('a file that is wrong changes nothing, and the log says where it is wrong', async t => {
  const origin = await strictOrigin(t)
  const { program, port, write, metric, available } = await started(t, config({ url: origin.url }))
  await available(1)
  const cases: [next: object | string, sentence: RegExp][] = [
    ['{ not json', /balancer\.json/],
    [{ ...config({ url: origin.url }), retry: { count: -1 } }, /retry\.count/],
    [{ ...config({ url: 'ftp://x' }) }, /ftp:\/\/x/],
    [{ ...config({ url: origin.url }), listen: '127.0.0.1:1' }, /listen: only a restart/],
    [{ ...config({ url: origin.url }), retries: 3 }, /retries/],
  ]
  for (const [next, sentence] of cases) {
    await write(next)
    const seen = program.stdout.length
    program.kill('SIGHUP')
    await until(() => program.stdout.slice(seen).includes('LB_ERR_RELOAD'), { what: 'the refusal to be logged' })
    t.match(program.stdout.slice(seen), sentence)
    t.equal(await metric('lb_config_last_reload_successful'), 0)
    t.equal((await answerTo(t, port, get('/'))).status, 200)
  }
  t.equal(await metric('lb_config_reloads_total'), 0)
  await write(config({ url: origin.url }))
  program.kill('SIGHUP')
  await until(async () => (await metric('lb_config_last_reload_successful')) === 1, { what: 'a good file' })
})

await t.test('limits by address come, keep their counts and go', async t => {
  const origin = await strictOrigin(t)
  const settings = (rateLimit: object) => ({ ...config({ url: origin.url }), rateLimit })
  const { program, port, write, metric, available } = await started(t, settings({}))
  await available(1)
  let reloads = 0
  const reload = async (rateLimit: object) => {
    await write(settings(rateLimit))
    program.kill('SIGHUP')
    reloads++
    await until(async () => (await metric('lb_config_reloads_total')) === reloads, { what: `reload ${reloads}` })
  }
  const client = await rawClient(t, port)
  const statuses = async (count: number) => {
    const seen: number[] = []
    for (let i = 0; i < count; i++) {
      await client.write(get('/a'))
      seen.push((await final(client)).status)
    }
    return seen
  }
  t.same(await statuses(3), [200, 200, 200])
  const limits = { enabled: true, overallLimit: 2, endpoints: ['/a'] }
  await reload(limits)
  t.same(await statuses(3), [200, 200, 429], 'what was before does not count')
  await reload({ ...limits, fields: false, endpoints: ['/', '/a'], exempt: ['192.0.2.1'] })
  t.same(await statuses(1), [429], 'the counts go on')
  await reload({ ...limits, exempt: ['127.0.0.1'] })
  t.same(await statuses(3), [200, 200, 200], 'exempt from now on')
  await reload({ ...limits, overallLimit: 1 })
  t.same(await statuses(2), [200, 429], 'other rules begin anew')
  t.equal(await metric('lb_rate_limited_total{rule="overall"}'), 3)
  await reload({})
  t.same(await statuses(2), [200, 200])
  t.equal(await metric('lb_rate_limited_total{rule="overall"}'), 3, 'what was counted stays')
})

await t.test('limits and times hold for the next request, those under way keep theirs', async t => {
  const held: (() => void)[] = []
  const origin = await strictOrigin(t, ({ target }) =>
    target === '/slow' ? new Promise<string>(resolve => held.push(() => resolve(answer('slow')))) : answer('quick'),
  )
  const { program, port, write, metric, available } = await started(t, config({ url: origin.url }))
  await available(1)
  const slow = answerTo(t, port, get('/slow'))
  await until(() => held.length === 1, { what: 'the slow request' })
  await write({ ...config({ url: origin.url }), timeouts: { tryMs: 100, totalMs: 100 }, retry: { count: 0 } })
  program.kill('SIGHUP')
  await until(async () => (await metric('lb_config_reloads_total')) === 1, { what: 'the reload' })
  t.equal((await answerTo(t, port, get('/slow'))).status, 504, 'the new time')
  held[0]?.()
  t.equal((await slow).body.toString(), 'slow', 'the old time')
})
