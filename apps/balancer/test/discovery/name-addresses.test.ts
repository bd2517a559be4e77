import { leakCheck } from '@plimsoll/testing'
import t, { type Test } from 'tap'
import { NameAddresses } from '../../src/discovery/name-addresses.ts'
import { checkServers, systemResolver } from '../../src/discovery/name-resolver.ts'
import { NameServer } from './name-server.ts'

leakCheck(t)

const NAME = 'api.test'
const a = (data: string, ttl = 60) => ({ type: 'A' as const, name: NAME, ttl, data })
const aaaa = (data: string, ttl = 60) => ({ type: 'AAAA' as const, name: NAME, ttl, data })

/** A name, and how to look it up at a server of the test's own. */
async function setting(t: Test, timeoutMs = 2000) {
  const server = await NameServer.start(t)
  const createResolver = systemResolver([server.address], timeoutMs)
  const lookUp = (of: NameAddresses) => of.lookUp(createResolver())
  return { server, lookUp, name: new NameAddresses(NAME, 'both') }
}

await t.test('A and AAAA come sorted, once each, with the least time to live', async t => {
  const { server, lookUp, name } = await setting(t)
  server.set('A', NAME, { records: [a('10.0.0.7', 30), a('10.0.0.1', 20), a('10.0.0.7', 30)] })
  server.set('AAAA', NAME, { records: [aaaa('fd00::2', 25), aaaa('FD00:0::1', 40)] })
  t.same(await lookUp(name), {
    addresses: ['10.0.0.1', '10.0.0.7', 'fd00::1', 'fd00::2'],
    ttlMs: 20_000,
    fault: null,
  })
})

await t.test('only the families that are wanted are asked for', async t => {
  const { server, lookUp } = await setting(t)
  server.setAddresses(NAME, ['10.0.0.1', 'fd00::1'])
  t.same((await lookUp(new NameAddresses(NAME, 'ipv4'))).addresses, ['10.0.0.1'])
  t.same((await lookUp(new NameAddresses(NAME, 'ipv6'))).addresses, ['fd00::1'])
  t.same(server.questions, [`A ${NAME}`, `AAAA ${NAME}`])
})

await t.test('that a family has none is no fault while the other has some, also when the name is denied', async t => {
  const { server, lookUp, name } = await setting(t)
  for (const none of [{ records: [] }, 'NXDOMAIN'] as const) {
    server.set('A', NAME, { records: [a('10.0.0.1')] })
    server.set('AAAA', NAME, none)
    t.same(await lookUp(name), { addresses: ['10.0.0.1'], ttlMs: 60_000, fault: null })
  }
  server.set('A', NAME, { records: [] })
  server.set('AAAA', NAME, { records: [aaaa('fd00::1')] })
  t.same((await lookUp(name)).addresses, ['fd00::1'], 'it has moved to the other family')
})

await t.test('a look-up that fails in whole or in part takes no address away, and says why', async t => {
  const { server, lookUp, name } = await setting(t, 300)
  server.setAddresses(NAME, ['10.0.0.1', 'fd00::1'])
  await lookUp(name)
  for (const [four, six, addresses, fault] of [
    ['SERVFAIL', 'SERVFAIL', ['10.0.0.1', 'fd00::1'], /^api\.test: A: the name server failed \(ESERVFAIL\); AAAA: the/],
    ['NXDOMAIN', 'NXDOMAIN', ['10.0.0.1', 'fd00::1'], /^api\.test: A: the name does not exist \(ENOTFOUND\); AAAA/],
    [{ records: [] }, { records: [] }, ['10.0.0.1', 'fd00::1'], /A: there are no such records \(ENODATA\); AAAA/],
    [{ records: [] }, 'SERVFAIL', ['10.0.0.1', 'fd00::1'], /AAAA: the name server failed \(ESERVFAIL\).*A: there are/],
    ['REFUSED', 'garbage', ['10.0.0.1', 'fd00::1'], /A: the name server refused to answer \(EREFUSED\); AAAA: /],
    [{ records: [a('10.0.0.2')], how: 'half' }, 'SERVFAIL', ['10.0.0.1', 'fd00::1'], /A: .*; AAAA: /],
    ['silence', { records: [aaaa('fd00::2')] }, ['10.0.0.1', 'fd00::2'], /A: no name server answered \(ETIMEOUT\)$/],
    [{ records: [a('10.0.0.3')] }, 'SERVFAIL', ['10.0.0.3', 'fd00::2'], /AAAA: the name server failed \(ESERVFAIL\)$/],
  ] as const) {
    server.set('A', NAME, four)
    server.set('AAAA', NAME, six)
    const seen = await lookUp(name)
    t.same(seen.addresses, addresses, JSON.stringify([four, six]))
    t.match(seen.fault, fault)
  }
})

await t.test('an answer that was cut is asked for over TCP', async t => {
  const { server, lookUp, name } = await setting(t)
  const many = Array.from({ length: 100 }, (_, index) => a(`10.0.1.${index}`))
  server.set('A', NAME, { records: many, how: 'cut' })
  server.set('AAAA', NAME, { records: [] })
  t.equal((await lookUp(name)).addresses.length, 100)
  t.equal(server.tcpQuestions, 1)
})

await t.test('addresses that no server has are left out', async t => {
  const { server, lookUp, name } = await setting(t)
  const useless = ['0.0.0.0', '224.0.0.1', '255.255.255.255'].map(address => a(address))
  server.set('A', NAME, { records: [...useless, a('127.0.0.1')] })
  server.set('AAAA', NAME, { records: [aaaa('::'), aaaa('ff02::1'), aaaa('fe80::1'), aaaa('::1')] })
  t.same((await lookUp(name)).addresses, ['127.0.0.1', '::1'])
  server.set('A', NAME, { records: useless })
  server.set('AAAA', NAME, 'NXDOMAIN')
  t.same(await lookUp(name), {
    addresses: ['127.0.0.1', '::1'],
    ttlMs: Infinity,
    fault: `${NAME}: A: no usable address in the answer; AAAA: the name does not exist (ENOTFOUND)`,
  })
})

await t.test('what was cancelled reads like what took too long', async t => {
  const server = await NameServer.start(t)
  server.set('A', NAME, 'silence')
  server.set('AAAA', NAME, 'silence')
  const resolver = systemResolver([server.address], 60_000)()
  const seen = new NameAddresses(NAME, 'both').lookUp(resolver)
  setImmediate(() => resolver.cancel())
  t.match((await seen).fault, /A: no name server answered \(ETIMEOUT\); AAAA: no name server answered \(ETIMEOUT\)/)
})

await t.test('a name server is an address', t => {
  t.doesNotThrow(() => checkServers(['10.0.0.2', '10.0.0.2:5353', '[fd00::2]:53', 'fd00::2']))
  for (const wrong of ['ns.internal', '10.0.0.2:', '10.0.0.2:99999', '']) {
    t.throws(() => checkServers([wrong]), new RegExp(`^"${wrong}": a name server is an address`), wrong)
    t.throws(() => systemResolver([wrong], 1000), /a name server is an address/)
  }
  t.end()
})
