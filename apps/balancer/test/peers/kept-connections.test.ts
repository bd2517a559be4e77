// How many connections to an endpoint are kept, and for how long.
import t, { type Test } from 'tap'
import { until } from '@plimsoll/testing'
import { answerTo, get } from '../conversation.ts'
import { startBalancer } from '../start-balancer.ts'
import { answer, strictOrigin } from '../strict-origin.ts'

const QUIET = ['--health.interval-ms=60000']

/** Asks that many times at once, so that as many connections are open, and lets all be answered together. */
async function atOnce(t: Test, count: number, flags: string[]) {
  const held: (() => void)[] = []
  const origin = await strictOrigin(t, ({ target }) =>
    target === '/held' ? new Promise<string>(resolve => held.push(() => resolve(answer('held')))) : answer('quick'),
  )
  const balancer = await startBalancer(t, [origin.url], [...QUIET, ...flags])
  const asked = Array.from({ length: count }, () => answerTo(t, balancer.port, get('/held')))
  await until(() => held.length === count, { what: 'all requests to arrive' })
  for (const go of held) go()
  await Promise.all(asked)
  const open = () => origin.peers.filter(({ state }) => state === 'open').length
  return { origin, balancer, open }
}

await t.test('no more than limits.max-idle-per-endpoint are kept', async t => {
  const { open, balancer, origin } = await atOnce(t, 5, ['--limits.max-idle-per-endpoint=2'])
  await until(() => open() === 2, { what: 'three of five to be closed' })
  const before = origin.peers.length
  t.equal((await answerTo(t, balancer.port, get('/'))).body.toString(), 'quick')
  t.equal(origin.peers.length, before, 'a kept one is used')
})

await t.test('0 keeps none', async t => {
  const { open } = await atOnce(t, 3, ['--limits.max-idle-per-endpoint=0'])
  await until(() => open() === 0, { what: 'all to be closed' })
})

await t.test('the one that was used last is taken first', async t => {
  const { origin, balancer } = await atOnce(t, 4, [])
  for (let i = 0; i < 6; i++) await answerTo(t, balancer.port, get('/'))
  const used = origin.seen.filter(({ target }) => target === '/').map(({ connection }) => connection)
  t.equal(new Set(used).size, 1)
})

await t.test('one that is older than limits.max-upstream-age-ms is not kept', async t => {
  const origin = await strictOrigin(t, () => answer('quick'))
  const balancer = await startBalancer(t, [origin.url], [...QUIET, '--limits.max-upstream-age-ms=60'])
  await answerTo(t, balancer.port, get('/'))
  await until(
    async () => {
      await answerTo(t, balancer.port, get('/'))
      return new Set(origin.seen.map(({ connection }) => connection)).size > 1
    },
    { what: 'another connection' },
  )
  t.equal(origin.peers[0]?.state === 'open', false)
})

await t.test(
  'one without a request is closed after timeouts.idle-upstream-ms, or when the endpoint says so',
  async t => {
    const { open } = await atOnce(t, 2, ['--timeouts.idle-upstream-ms=60'])
    await until(() => open() === 0, { what: 'the idle time to be over' })
    const short = await strictOrigin(t, () => answer('short', 'Keep-Alive: timeout=1\r\n'))
    const balancer = await startBalancer(t, [short.url], QUIET)
    await answerTo(t, balancer.port, get('/'))
    await until(() => short.peers[0]?.state !== 'open', { what: 'it to be closed before the endpoint closes it' })
  },
)

await t.test('those of an endpoint that drains are closed by us', async t => {
  const { open, balancer, origin } = await atOnce(t, 3, ['--admin-token=secret'])
  t.equal(open(), 3)
  await fetch(`${balancer.adminUrl}/admin/upstreams/${encodeURIComponent(origin.url)}`, {
    method: 'PATCH',
    headers: { authorization: 'Bearer secret', 'content-type': 'application/json' },
    body: '{"state":"draining"}',
  })
  await until(() => open() === 0, { what: 'all to be closed' })
})
