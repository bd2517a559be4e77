import { leakCheck } from '@plimsoll/testing'
import t from 'tap'
import { dnsLookUp, parseDnsName } from '../../src/discovery/dns-endpoints.ts'
import { systemResolver } from '../../src/discovery/name-resolver.ts'
import { NameServer } from './name-server.ts'

leakCheck(t)

await t.test('each address is an endpoint, for as long as the time to live says, within bounds', async t => {
  const server = await NameServer.start(t)
  const parsed = parseDnsName('http://api.test:3001')
  const look = dnsLookUp({ ...parsed, families: 'both', minTtlMs: 1000, maxTtlMs: 60_000 })
  const lookUp = () => look(systemResolver([server.address], 2000)(), new AbortController().signal)
  for (const [ttl, refreshMs] of [
    [0, 1000],
    [1, 1000],
    [30, 30_000],
    [86_400, 60_000],
  ] as const) {
    server.setAddresses('api.test', ['fd00::7', '10.0.0.7', '10.0.0.10'], ttl)
    const outcome = await lookUp()
    t.same(
      outcome.endpoints?.map(({ id }) => id),
      ['http://10.0.0.10:3001', 'http://10.0.0.7:3001', 'http://[fd00::7]:3001'],
    )
    t.equal(outcome.endpoints?.[0]?.address.authority, 'api.test:3001')
    t.equal(outcome.refreshMs, refreshMs)
    t.equal(outcome.fault, null)
  }
})

await t.test('what was never found is no list', async t => {
  const server = await NameServer.start(t)
  const look = dnsLookUp({ ...parseDnsName('http://api.test'), families: 'ipv4', minTtlMs: 1000, maxTtlMs: 60_000 })
  t.same(await look(systemResolver([server.address], 2000)(), new AbortController().signal), {
    endpoints: null,
    refreshMs: Infinity,
    fault: 'api.test: A: the name does not exist (ENOTFOUND)',
  })
})

await t.test('a name is written as a URL with a host that has to be looked up', t => {
  t.same(parseDnsName('http://api.test'), { name: 'api.test', port: 80, authority: 'api.test' })
  for (const [text, sentence] of [
    ['api.test', /an upstream is http:\/\/host:port/],
    ['https://api.test', /an upstream is http:\/\/host:port/],
    ['http://api.test/path', /no path/],
    ['http://10.0.0.1:80', /there is nothing to look up/],
    ['http://[::1]:80', /there is nothing to look up/],
    ['unix:/run/a.sock', /a socket's path is no name/],
  ] as const) {
    t.throws(() => parseDnsName(text), sentence, text)
  }
  t.end()
})
