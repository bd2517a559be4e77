// A safe request whose answer is late is sent to a second endpoint as well, and the first answer counts.
import t, { type Test } from 'tap'
import { until, type RawPeer } from '@plimsoll/testing'
import { answerTo, get } from '../conversation.ts'
import { startBalancer } from '../start-balancer.ts'
import { answer, strictOrigin } from '../strict-origin.ts'

const FLAGS = ['--health.interval-ms=60000', '--stall.min-silence-ms=0', '--retry.hedge-after-ms=60']

interface Held {
  readonly peer: RawPeer
  answer(text: string): void
}

/** Two endpoints that hold their requests until the test says what becomes of them. */
async function holding(t: Test, flags: string[] = []) {
  const held: Held[] = []
  const hold = (_request: unknown, peer: RawPeer) =>
    new Promise<string | undefined>(resolve => {
      held.push({ peer, answer: text => resolve(text) })
      peer.socket.once('close', () => resolve(undefined))
    })
  const one = await strictOrigin(t, hold)
  const other = await strictOrigin(t, hold)
  const balancer = await startBalancer(t, [one.url, other.url], [...FLAGS, ...flags])
  const metrics = async () => (await fetch(`${balancer.adminUrl}/metrics`)).text()
  const atRest = () =>
    until(
      async () => {
        const text = await metrics()
        return [...text.matchAll(/^lb_upstream_requests_active\{.*\} (\d+)$/gm)].every(([, count]) => count === '0')
      },
      { what: 'everything to be given back' },
    )
  return { held, one, other, balancer, metrics, atRest }
}

const both = (held: Held[]) => until(() => held.length === 2, { what: 'the second endpoint to be asked' })

await t.test('the second one answers first: the first is given up', async t => {
  const { held, balancer, metrics, atRest } = await holding(t)
  const asked = answerTo(t, balancer.port, get('/'))
  await both(held)
  held[1]?.answer(answer('second'))
  t.equal((await asked).body.toString(), 'second')
  await until(() => held[0]?.peer.state !== 'open', { what: 'the first connection to be closed' })
  t.match(await metrics(), /^lb_retries_total\{reason="hedge"\} 1$/m)
  await atRest()
})

await t.test('the first one answers first: the second is given up', async t => {
  const { held, balancer, atRest } = await holding(t)
  const asked = answerTo(t, balancer.port, get('/'))
  await both(held)
  held[0]?.answer(answer('first'))
  t.equal((await asked).body.toString(), 'first')
  await until(() => held[1]?.peer.state !== 'open', { what: 'the second connection to be closed' })
  await atRest()
})

await t.test('the first one fails: the second takes its place', async t => {
  for (const fail of [
    (one: Held) => one.peer.reset(),
    (one: Held) => one.answer(answer('', '', '503 Service Unavailable')),
  ]) {
    const { held, balancer, atRest } = await holding(t)
    const asked = answerTo(t, balancer.port, get('/'))
    await both(held)
    fail(held[0] as Held)
    held[1]?.answer(answer('second'))
    const response = await asked
    t.equal(response.status, 200)
    t.equal(response.body.toString(), 'second')
    await atRest()
  }
})

await t.test('the second one fails: the first is waited for', async t => {
  for (const fail of [
    (one: Held) => one.peer.reset(),
    (one: Held) => one.answer(answer('', '', '503 Service Unavailable')),
  ]) {
    const { held, balancer, atRest } = await holding(t)
    const asked = answerTo(t, balancer.port, get('/'))
    await both(held)
    fail(held[1] as Held)
    setTimeout(() => held[0]?.answer(answer('first')), 50)
    const response = await asked
    t.equal(response.status, 200)
    t.equal(response.body.toString(), 'first')
    await atRest()
  }
})

await t.test('the time of a try is over for the first: the second goes on', async t => {
  const { held, balancer, atRest } = await holding(t, ['--timeouts.try-ms=200'])
  const asked = answerTo(t, balancer.port, get('/'))
  await both(held)
  await until(() => held[0]?.peer.state !== 'open', { what: 'the first to be given up' })
  held[1]?.answer(answer('second'))
  t.equal((await asked).body.toString(), 'second')
  await atRest()
})

await t.test('a client that leaves takes both with it', async t => {
  const { held, balancer, atRest } = await holding(t)
  const controller = new AbortController()
  const asked = fetch(balancer.url, { signal: controller.signal }).catch(() => null)
  await both(held)
  controller.abort()
  await asked
  await until(() => held.every(({ peer }) => peer.state !== 'open'), { what: 'both connections to be closed' })
  await atRest()
})

await t.test('what is not safe, or has no budget, is not hedged', async t => {
  const { held, balancer, atRest } = await holding(t)
  const asked = answerTo(t, balancer.port, get('/', 'Content-Length: 0\r\n', 'POST'), 'POST')
  await until(() => held.length === 1, { what: 'the first' })
  await new Promise(resolve => setTimeout(resolve, 200))
  t.equal(held.length, 1)
  held[0]?.answer(answer('posted'))
  t.equal((await asked).body.toString(), 'posted')
  await atRest()
  const poor = await holding(t, ['--retry.budget-ratio=0', '--retry.budget-min-per-second=0'])
  const alone = answerTo(t, poor.balancer.port, get('/'))
  await until(() => poor.held.length === 1, { what: 'the first' })
  await new Promise(resolve => setTimeout(resolve, 200))
  t.equal(poor.held.length, 1)
  poor.held[0]?.answer(answer('first'))
  t.equal((await alone).body.toString(), 'first')
})
