import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { ActiveCheck, connectProbe, httpProbe, type Probe } from '../../src/health/active-check.ts'
import { parseUpstreamAddress } from '../../src/upstream/address.ts'
import { Endpoint, type EndpointHealth } from '../../src/upstream/endpoint.ts'

const options = { path: '/ready', intervalMs: 20, changingIntervalMs: 10, timeoutMs: 500, fall: 3, rise: 2 }
const endpointAt = (url: string) =>
  new Endpoint({ id: 'a', url, address: parseUpstreamAddress(url), weight: 1, administrative: 'ready' })

/** A check whose probe answers what the script says, one answer per check; resolves when the script is used up. */
async function play(t: Test, script: (string | null)[]): Promise<string[]> {
  const endpoint = endpointAt('http://127.0.0.1:1')
  const seen: string[] = []
  const left = [...script]
  await new Promise<void>(resolve => {
    const probe: Probe = async () => {
      if (left.length === 0) {
        check.stop()
        resolve()
        return null
      }
      return left.shift() ?? null
    }
    const check = new ActiveCheck(
      endpoint,
      options,
      probe,
      { next: () => 0.5 },
      {
        setHealth(health, reason) {
          if (endpoint.health !== health) seen.push(`${health} (${reason})`)
          endpoint.setHealth(health, reason)
        },
        onChecked: () => {},
      },
    )
    t.teardown(() => check.stop())
    check.start()
  })
  return seen
}

await t.test('one pass is enough at the start', async t => {
  t.same(await play(t, [null]), ['up (1 checks passed)'])
})

await t.test(
  'it goes down after `fall` failures in a row, not before, and comes back after `rise` passes in a row',
  async t => {
    t.same(await play(t, [null, 'x', 'x', null, 'x', 'x', 'x', null, 'x', null, null]), [
      'up (1 checks passed)',
      'down (3 checks failed, the last: x)',
      'up (2 checks passed)',
    ])
  },
)

await t.test('one that never passes is down after `fall` failures', async t => {
  t.same(await play(t, ['x', 'x', 'x']), ['down (3 checks failed, the last: x)'])
})

await t.test('over HTTP, 200 to 399 passes and the rest says what came', async t => {
  const server = createServer((request, response) => {
    response.statusCode = Number(request.url?.slice(1))
    response.end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const endpoint = endpointAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const ask = (path: string) => httpProbe(path)(endpoint, new AbortController().signal)
  t.equal(await ask('/200'), null)
  t.equal(await ask('/399'), null)
  t.equal(await ask('/503'), 'GET /503 answered 503')
})

await t.test('a refused connection and a time-out fail both kinds of probe', async t => {
  const server = createServer(() => {})
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const endpoint = endpointAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  t.equal(await connectProbe()(endpoint, new AbortController().signal), null)
  t.match(await httpProbe('/')(endpoint, AbortSignal.timeout(20)), /ABORT/i)
  await new Promise(resolve => {
    server.close(resolve)
    server.closeAllConnections()
  })
  t.match(await connectProbe()(endpoint, new AbortController().signal), /ECONNREFUSED/)
  t.match(await httpProbe('/')(endpoint, new AbortController().signal), /ECONNREFUSED/)
})

await t.test('a check that has been stopped says nothing more', async t => {
  const endpoint = endpointAt('http://127.0.0.1:1')
  const said: EndpointHealth[] = []
  let answer: (result: null) => void = () => {}
  const check = new ActiveCheck(
    endpoint,
    options,
    () => new Promise(resolve => (answer = resolve)),
    { next: () => 0 },
    { setHealth: health => said.push(health), onChecked: () => {} },
  )
  check.start()
  check.stop()
  answer(null)
  await new Promise(resolve => setImmediate(resolve))
  t.same(said, [])
})
