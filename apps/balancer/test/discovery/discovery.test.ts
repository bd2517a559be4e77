// All sources together: real name server and files, time by the test.
import { rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { FakeClock, leakCheck, until, type FakeTimer } from '@plimsoll/testing'
import t, { type Test } from 'tap'
import { Discovery, discoveryOptionIssues, type DiscoveryOptions } from '../../src/discovery/discovery.ts'
import { NameServer } from './name-server.ts'

leakCheck(t)

const OPTIONS: DiscoveryOptions = {
  file: '',
  pollMs: 1000,
  dns: [],
  srv: [],
  dnsServers: [],
  dnsFamily: 'both',
  dnsMinTtlMs: 1000,
  dnsMaxTtlMs: 60_000,
  dnsTimeoutMs: 2000,
  srvRefreshMs: 10_000,
}

async function setting(t: Test) {
  const clock = new FakeClock()
  const server = await NameServer.start(t)
  const lists: string[][] = []
  const faults: string[] = []
  /** Every timer that was set: a look-up sets one for its own time, and at its end one for the wait. */
  const waits: number[] = []
  const discovery = new Discovery({
    random: { next: () => 0.5 },
    timers: {
      setTimeout(callback, delayMs) {
        waits.push(delayMs)
        return clock.setTimeout(callback, delayMs)
      },
      clearTimeout: timer => clock.clearTimeout(timer as FakeTimer),
    },
    onList: list => void lists.push(list.map(({ id }) => id)),
    onFault: (code, message) => void faults.push(`${code} ${message}`),
  })
  t.teardown(() => discovery.stop())
  const apply = (options: Partial<DiscoveryOptions>, ...urls: string[]) =>
    discovery.apply({
      upstream: urls.map(url => ({ url, weight: 1 })),
      discovery: { ...OPTIONS, dnsServers: [server.address], ...options },
    })
  /** Begins the next look-up, by moving time on to it or by so much, and waits until it has ended. */
  const nextLookUp = async (afterMs?: number) => {
    const wanted = waits.length + 2
    if (afterMs === undefined) clock.runNext()
    else await clock.advanceAsync(afterMs)
    await until(() => waits.length >= wanted, { what: 'the end of a look-up' })
  }
  return { clock, server, lists, faults, waits, discovery, apply, nextLookUp }
}

await t.test('with upstreams alone the list is theirs, told once', async t => {
  const { clock, lists, apply } = await setting(t)
  await apply({}, 'http://10.0.0.1:80', 'unix:/run/a.sock', 'http://10.0.0.1:80')
  t.same(lists, [['http://10.0.0.1:80', 'unix:/run/a.sock']])
  await clock.advanceAsync(100_000)
  t.equal(lists.length, 1)
  t.equal(clock.pending, 0)
})

await t.test('a name is asked for again when its time to live is over, and changes are told', async t => {
  const { clock, server, lists, faults, apply, nextLookUp } = await setting(t)
  server.setAddresses('api.test', ['10.0.0.1'], 30)
  await apply({ dns: ['http://api.test:80'] })
  t.same(lists, [['http://10.0.0.1:80']])
  server.setAddresses('api.test', ['10.0.0.2', '10.0.0.1'], 5)
  await clock.advanceAsync(29_999)
  t.equal(server.count('A api.test'), 1)
  await nextLookUp(1)
  t.same(lists[1], ['http://10.0.0.1:80', 'http://10.0.0.2:80'])
  server.setAddresses('api.test', ['10.0.0.1', '10.0.0.2'], 5)
  await clock.advanceAsync(4999)
  t.equal(server.count('A api.test'), 2)
  await nextLookUp(1)
  t.equal(server.count('A api.test'), 3)
  t.equal(lists.length, 2, 'the same addresses in another order are no change')
  t.same(faults, [])
})

await t.test('a name server that fails changes nothing, and is told once', async t => {
  const { server, lists, faults, waits, apply, nextLookUp } = await setting(t)
  server.setAddresses('api.test', ['10.0.0.1'], 5)
  await apply({ dns: ['http://api.test:80'] })
  for (const type of ['A', 'AAAA'] as const) server.set(type, 'api.test', 'SERVFAIL')
  for (let times = 0; times < 4; times++) await nextLookUp()
  t.same(lists, [['http://10.0.0.1:80']])
  t.equal(faults.length, 1)
  t.match(faults[0], /^LB_ERR_DISCOVERY_DNS api\.test: A: the name server failed/)
  server.setAddresses('api.test', ['10.0.0.9'], 5)
  await nextLookUp()
  t.same(lists[1], ['http://10.0.0.9:80'])
  // Between them stand the times of the look-ups themselves.
  t.same(
    waits.filter((_, index) => index % 2 === 1),
    [5000, 1000, 2000, 4000, 8000, 5000],
  )
})

await t.test('a silent name server holds the start up no longer than its time', async t => {
  const { clock, server, lists, faults, apply } = await setting(t)
  for (const type of ['A', 'AAAA'] as const) server.set(type, 'api.test', 'silence')
  let applied = false
  const done = apply({ dns: ['http://api.test:80'] }, 'http://10.0.0.1:80').then(() => (applied = true))
  await until(() => server.count('A api.test') > 0, { what: 'the question' })
  t.notOk(applied)
  t.same(lists, [], 'nothing is told by halves')
  await clock.advanceAsync(2000)
  await done
  t.same(lists, [['http://10.0.0.1:80']])
  t.match(faults, [/no name server answered \(ETIMEOUT\)/])
})

await t.test('all sources join in their order, and the first to name an endpoint describes it', async t => {
  const { server, lists, apply } = await setting(t)
  const file = path.join(t.testdir(), 'endpoints.json')
  const entry = { id: 'http://10.0.0.2:80', url: 'http://10.0.0.2:80', weight: 9 }
  await writeFile(file, JSON.stringify({ format: 1, endpoints: [entry] }))
  server.setAddresses('api.test', ['10.0.0.1', '10.0.0.2', '10.0.0.3'])
  const data = { target: 'other.test', port: 80, priority: 1, weight: 1 }
  server.set('SRV', '_http._tcp.test', { records: [{ type: 'SRV', name: '_http._tcp.test', ttl: 1, data }] })
  server.setAddresses('other.test', ['10.0.0.3', '10.0.0.4'])
  await apply({ file, dns: ['http://api.test'], srv: ['_http._tcp.test'] }, 'http://10.0.0.1:80')
  t.same(lists, [['http://10.0.0.1:80', 'http://10.0.0.2:80', 'http://10.0.0.3:80', 'http://10.0.0.4:80']])
  await writeFile(`${file}.new`, JSON.stringify({ format: 1, sequence: 2, endpoints: [] }))
  await rename(`${file}.new`, file)
  await until(() => lists.length === 2, { what: 'the replaced file, by its other weight' })
  t.same(lists[1], ['http://10.0.0.1:80', 'http://10.0.0.2:80', 'http://10.0.0.3:80', 'http://10.0.0.4:80'])
})

await t.test('services are looked up as often as configured', async t => {
  const { clock, server, lists, apply, nextLookUp } = await setting(t)
  const announce = (...ports: number[]) =>
    server.set('SRV', '_http._tcp.test', {
      records: ports.map(port => ({
        type: 'SRV' as const,
        name: '_http._tcp.test',
        ttl: 1,
        data: { target: 'a.test', port, priority: 1, weight: 1 },
      })),
    })
  announce(3001)
  server.setAddresses('a.test', ['10.0.0.1'], 1)
  await apply({ srv: ['_http._tcp.test'] })
  announce(3002, 3001)
  await clock.advanceAsync(9999)
  t.equal(server.count('SRV _http._tcp.test'), 1)
  await nextLookUp(1)
  t.same(lists, [['http://10.0.0.1:3001'], ['http://10.0.0.1:3001', 'http://10.0.0.1:3002']])
})

await t.test('a new configuration is one change, and what stays in it is not asked again', async t => {
  const { clock, server, lists, apply } = await setting(t)
  server.setAddresses('a.test', ['10.0.0.1'])
  server.setAddresses('b.test', ['10.0.0.2'])
  await apply({ dns: ['http://a.test'] }, 'http://10.0.0.9:80')
  await apply({ dns: ['http://b.test', 'http://a.test'] }, 'http://10.0.0.8:80')
  await apply({ dns: ['http://b.test'] })
  t.same(lists, [
    ['http://10.0.0.9:80', 'http://10.0.0.1:80'],
    ['http://10.0.0.8:80', 'http://10.0.0.2:80', 'http://10.0.0.1:80'],
    ['http://10.0.0.2:80'],
  ])
  t.equal(server.count('A a.test'), 1)
  t.equal(server.count('A b.test'), 1)
  t.equal(clock.pending, 1, 'what has left the configuration is not asked for again')
})

await t.test('where no source is new the list changes at once, and not before one that is being asked', async t => {
  const { server, lists, apply } = await setting(t)
  server.setAddresses('a.test', ['10.0.0.1'])
  const all = [apply({}, 'http://10.0.0.7:80')]
  t.same(lists.at(-1), ['http://10.0.0.7:80'])
  await Promise.all(all)
  all.push(apply({}, 'http://10.0.0.8:80'))
  t.same(lists.at(-1), ['http://10.0.0.8:80'])
  await Promise.all(all)
  all.push(apply({ dns: ['http://a.test'] }), apply({}, 'http://10.0.0.9:80'))
  t.equal(lists.length, 2)
  await Promise.all(all)
  t.same(lists.slice(2), [['http://10.0.0.1:80'], ['http://10.0.0.9:80']])
})

await t.test('a source that is replaced while its name server is down hands its list on', async t => {
  const { server, lists, faults, apply } = await setting(t)
  server.setAddresses('a.test', ['10.0.0.1'])
  await apply({ dns: ['http://a.test'] })
  for (const type of ['A', 'AAAA'] as const) server.set(type, 'a.test', 'SERVFAIL')
  await apply({ dns: ['http://a.test'], dnsMaxTtlMs: 5000 })
  t.same(lists, [['http://10.0.0.1:80']])
  t.equal(faults.length, 1)
  await apply({}, 'http://10.0.0.9:80')
  t.same(lists.at(-1), ['http://10.0.0.9:80'])
})

await t.test('a configuration that can not be read changes nothing', async t => {
  const { server, lists, apply } = await setting(t)
  server.setAddresses('a.test', ['10.0.0.1'])
  await apply({ dns: ['http://a.test'] })
  await t.rejects(apply({ dns: ['ftp://a.test'] }), /an upstream is http/)
  await t.rejects(apply({}, 'nonsense'), /an upstream is http/)
  t.equal(lists.length, 1)
  await apply({ dns: ['http://a.test'] }, 'http://10.0.0.9:80')
  t.same(lists.at(-1), ['http://10.0.0.9:80', 'http://10.0.0.1:80'])
})

await t.test('after stop nothing runs and nothing is told, also in the middle of a start', async t => {
  const { clock, server, lists, faults, discovery, apply } = await setting(t)
  const file = path.join(t.testdir({ 'endpoints.json': '{"format":1,"endpoints":[]}' }), 'endpoints.json')
  server.set('A', 'a.test', 'silence')
  const applied = apply({ dns: ['http://a.test'], file }, 'http://10.0.0.1:80')
  await until(() => server.count('A a.test') > 0, { what: 'the question' })
  discovery.stop()
  await applied
  await apply({}, 'http://10.0.0.1:80')
  t.equal(clock.pending, 0)
  t.same(lists, [])
  t.same(faults, [])
})

await t.test('what does not parse or contradicts itself is said in a sentence that names the option', t => {
  t.same(discoveryOptionIssues(OPTIONS), [])
  for (const [given, sentence] of [
    [{ dns: ['10.0.0.1'] }, /^dns: "10\.0\.0\.1": an upstream is/],
    [{ srv: ['a b'] }, /^srv: "a b": the name of a service/],
    [{ dnsServers: ['ns.test'] }, /^dnsServers: "ns\.test": a name server is an address/],
    [{ dnsMinTtlMs: 2000, dnsMaxTtlMs: 1000 }, /^dnsMinTtlMs \(2000 ms\) is longer than dnsMaxTtlMs \(1000 ms\)/],
  ] as const) {
    const issues = discoveryOptionIssues({ ...OPTIONS, ...given })
    t.equal(issues.length, 1)
    t.match(issues[0], sentence)
  }
  t.end()
})
