// How many connections there may be, and what happens when the process has no file descriptors left.
import t from 'tap'
import { rawClient, spawnProgram, until, type RawPeer } from '@plimsoll/testing'
import { answerTo, final, get, problemOf } from '../conversation.ts'
import { startBalancer } from '../start-balancer.ts'
import { strictOrigin } from '../strict-origin.ts'

await t.test('connections above the limit get 503 and are closed; those below never notice', async t => {
  const origin = await strictOrigin(t)
  const balancer = await startBalancer(t, [origin.url], ['--limits.max-connections=3'])
  const clients: RawPeer[] = []
  for (let i = 0; i < 3; i++) clients.push(await rawClient(t, balancer.port))
  for (const client of clients) {
    await client.write(get('/'))
    t.equal((await final(client)).status, 200)
  }
  const more = await rawClient(t, balancer.port)
  void more.write(get('/'))
  const refused = await final(more)
  t.equal(refused.status, 503)
  t.equal(refused.header('retry-after'), '1')
  t.equal(refused.header('connection'), 'close')
  t.match(problemOf(refused), { code: 'LB_ERR_TOO_MANY_CONNECTIONS', source: 'balancer', status: 503 })
  t.equal(await more.expectClosed(), 'ended', 'without a reset, although its request was not read')
  clients.pop()?.release()
  await until(async () => (await answerTo(t, balancer.port, get('/'))).status === 200, {
    what: 'the place to be free again',
  })
  t.match(await (await fetch(`${balancer.adminUrl}/metrics`)).text(), /^lb_connections_refused_total [1-9]/m)
})

await t.test('the limit per address counts addresses', async t => {
  const origin = await strictOrigin(t)
  const balancer = await startBalancer(
    t,
    [origin.url],
    ['--limits.max-connections-per-address=2', '--listen=0.0.0.0:0'],
  )
  const held = [await rawClient(t, balancer.port), await rawClient(t, balancer.port)]
  t.equal((await answerTo(t, balancer.port, get('/'))).status, 503)
  const other = await rawClient(t, { port: balancer.port, host: '127.0.0.2' })
  const [localAddress] = [other.socket.localAddress]
  await other.write(get('/'))
  // From 127.0.0.1 to 127.0.0.2 the client's own address stays 127.0.0.1 unless it's bound: then it's the third of one address.
  t.equal((await final(other)).status, localAddress === '127.0.0.1' ? 503 : 200)
  held.pop()?.release()
  await until(async () => (await answerTo(t, balancer.port, get('/'))).status === 200, {
    what: 'the place to be free again',
  })
})

await t.test('a process with few descriptors refuses what it cannot hold, lives, and recovers', async t => {
  const origin = await strictOrigin(t)
  const main = new URL('../../src/main.ts', import.meta.url).pathname
  const program = await spawnProgram(t, [
    'sh',
    '-c',
    `ulimit -n 48; exec "$0" "$@"`,
    process.execPath,
    main,
    '--listen=127.0.0.1:0',
    '--admin=127.0.0.1:0',
    `--upstream=${origin.url}`,
    '--shutdown.grace-ms=0',
    '--shutdown.drain-ms=100',
  ])
  const { listen } = JSON.parse(await program.line('"msg":"listening"')) as { listen: string }
  t.ok(await program.line('LB_WARN_OPEN_FILES'), 'it says so at its start')
  const port = Number(listen.split(':')[1])
  await until(async () => (await answerTo(t, port, get('/'))).status === 200, { what: 'the endpoint to be up' })

  const crowd: RawPeer[] = []
  const statuses = new Map<number | string, number>()
  const note = (what: number | string) => statuses.set(what, (statuses.get(what) ?? 0) + 1)
  for (let i = 0; i < 60; i++) {
    try {
      const client = await rawClient(t, port)
      crowd.push(client)
      void client.write(get('/')).catch(() => {})
      note((await final(client)).status)
    } catch (error) {
      note((error as { code?: string }).code ?? 'unknown')
    }
  }
  t.ok((statuses.get(200) ?? 0) >= 5, JSON.stringify([...statuses]))
  t.ok((statuses.get(503) ?? 0) > 0, 'the others are told')
  t.equal(await Promise.race([program.exited.then(() => 'gone'), Promise.resolve('alive')]), 'alive')
  for (const client of crowd) client.release()
  await until(async () => (await answerTo(t, port, get('/'))).status === 200, { what: 'it to serve again' })
  t.match(await program.stop(), { code: 0 })
})
