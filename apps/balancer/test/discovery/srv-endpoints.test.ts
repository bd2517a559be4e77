import fc from 'fast-check'
import { leakCheck } from '@plimsoll/testing'
import t, { type Test } from 'tap'
import { systemResolver } from '../../src/discovery/name-resolver.ts'
import { parseServiceName, srvLookUp, wholeWeights } from '../../src/discovery/srv-endpoints.ts'
import { NameServer } from './name-server.ts'

leakCheck(t)

const NAME = '_http._tcp.api.test'

interface Record {
  readonly target: string
  readonly port?: number
  readonly priority?: number
  readonly weight?: number
}

const srv = ({ target, port = 3000, priority = 10, weight = 5 }: Record) => ({
  type: 'SRV' as const,
  name: NAME,
  ttl: 60,
  data: { target, port, priority, weight },
})

async function setting(t: Test, timeoutMs = 2000) {
  const server = await NameServer.start(t)
  const createResolver = systemResolver([server.address], timeoutMs)
  const look = srvLookUp({ name: NAME, families: 'both', refreshMs: 10_000 })
  return {
    server,
    announce: (...records: Record[]) => server.set('SRV', NAME, { records: records.map(srv) }),
    lookUp: async (signal = new AbortController().signal) => {
      const { endpoints, refreshMs, fault } = await look(createResolver(), signal)
      return { list: endpoints?.map(({ id, weight }) => `${id} ${weight}`) ?? null, refreshMs, fault, endpoints }
    },
  }
}

await t.test('port and weight come from the record, addresses from its target', async t => {
  const { server, announce, lookUp } = await setting(t)
  announce({ target: 'b.test', port: 3002, weight: 1 }, { target: 'a.test', port: 3001, weight: 4 })
  server.setAddresses('a.test', ['10.0.0.1'])
  server.setAddresses('b.test', ['10.0.0.2'])
  const { list, refreshMs, fault, endpoints } = await lookUp()
  t.same(
    { list, refreshMs, fault },
    {
      list: ['http://10.0.0.1:3001 4', 'http://10.0.0.2:3002 1'],
      refreshMs: 10_000,
      fault: null,
    },
  )
  t.same(endpoints?.[0]?.address, { kind: 'tcp', host: '10.0.0.1', port: 3001, authority: 'a.test:3001' })
})

await t.test('only records of the lowest priority number are used', async t => {
  const { server, announce, lookUp } = await setting(t)
  announce({ target: 'spare.test', priority: 20 }, { target: 'b.test', priority: 5 }, { target: 'a.test', priority: 5 })
  server.setAddresses('a.test', ['10.0.0.1'])
  server.setAddresses('b.test', ['10.0.0.2'])
  server.setAddresses('spare.test', ['10.0.0.3'])
  t.same((await lookUp()).list, ['http://10.0.0.1:3000 5', 'http://10.0.0.2:3000 5'])
  t.equal(server.count('A spare.test'), 0)
})

await t.test("a target's weight is shared by its addresses, and added where two targets are one", async t => {
  const { server, announce, lookUp } = await setting(t)
  announce({ target: 'two.test', weight: 10 }, { target: 'one.test', weight: 10 })
  server.setAddresses('two.test', ['10.0.0.1', 'fd00::1'])
  server.setAddresses('one.test', ['10.0.0.2'])
  t.same((await lookUp()).list, ['http://10.0.0.1:3000 5', 'http://10.0.0.2:3000 10', 'http://[fd00::1]:3000 5'])
  server.setAddresses('two.test', ['10.0.0.2'])
  t.same((await lookUp()).list, ['http://10.0.0.2:3000 20'])
})

await t.test('whatever the order of records and answers, the list is the same', async t => {
  const { server, announce, lookUp } = await setting(t)
  const records = ['a', 'b', 'c'].map((letter, index) => ({ target: `${letter}.test`, weight: index + 1 }))
  for (const [index, { target }] of records.entries()) {
    server.setAddresses(target, [`10.0.0.${index + 1}`, `10.0.1.${index + 1}`, '10.0.2.1'])
  }
  announce(...records)
  const { list } = await lookUp()
  for (let i = 0; i < 5; i++) {
    announce(...records.toReversed())
    server.setAddresses('a.test', ['10.0.2.1', '10.0.1.1', '10.0.0.1'])
    t.same((await lookUp()).list, list)
  }
  t.equal(list?.length, 7)
})

await t.test('a target whose look-up fails keeps its addresses; an unknown one is left out, and told', async t => {
  const { server, announce, lookUp } = await setting(t)
  announce({ target: 'a.test' }, { target: 'b.test' })
  server.setAddresses('a.test', ['10.0.0.1'])
  server.setAddresses('b.test', ['10.0.0.2'])
  await lookUp()
  server.set('A', 'b.test', 'SERVFAIL')
  server.set('AAAA', 'b.test', 'SERVFAIL')
  announce({ target: 'a.test' }, { target: 'b.test' }, { target: 'new.test' })
  const { list, fault } = await lookUp()
  t.same(list, ['http://10.0.0.1:3000 5', 'http://10.0.0.2:3000 5'])
  t.match(fault, /^_http\._tcp\.api\.test: b\.test: A: the name server failed.*; new\.test: A: the name does not exist/)
})

await t.test('without a usable answer nothing is learnt', async t => {
  const { server, announce, lookUp } = await setting(t, 300)
  for (const [reaction, sentence] of [
    ['SERVFAIL', /^_http\._tcp\.api\.test: SRV: the name server failed \(ESERVFAIL\)$/],
    ['NXDOMAIN', /SRV: the name does not exist \(ENOTFOUND\)$/],
    ['silence', /SRV: no name server answered \(ETIMEOUT\)$/],
    ['garbage', /SRV: /],
    [{ records: [] }, /SRV: there are no such records \(ENODATA\)$/],
    [{ records: [srv({ target: '.', port: 0 })] }, /SRV: the answer names no target$/],
    [{ records: [srv({ target: 'a.test' })], how: 'half' }, /SRV: /],
  ] as const) {
    server.set('SRV', NAME, reaction)
    await t.rejects(lookUp(), { message: sentence }, JSON.stringify(reaction))
  }
  announce({ target: 'nowhere.test' })
  const { list, fault } = await lookUp()
  t.equal(list, null)
  t.match(fault, /nowhere\.test: A: the name does not exist/)
})

await t.test('when the time is over behind the first answer, no target is asked for', async t => {
  const { server, announce, lookUp } = await setting(t)
  announce({ target: 'a.test' })
  server.setAddresses('a.test', ['10.0.0.1'])
  await t.rejects(lookUp(AbortSignal.abort()), /no time left/)
  t.same(server.questions, [`SRV ${NAME}`])
})

await t.test('weights are whole, from 1 to 1000, and keep their proportions', t => {
  t.same(wholeWeights([0, 0]), [1, 1])
  t.same(wholeWeights([0, 10]), [1, 10])
  t.same(wholeWeights([1, 1000]), [1, 1000])
  t.same(wholeWeights([65_535, 6553.5]), [1000, 100])
  t.same(wholeWeights([1 / 3, 1]), [333, 1000])
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 65_535 }), { minLength: 1, maxLength: 8 }), shares => {
      const weights = wholeWeights(shares)
      const largest = Math.max(...shares)
      return weights.every((weight, index) => {
        const share = shares[index] ?? 0
        const exact = largest > 1000 ? (share * 1000) / largest : share
        return (
          Number.isInteger(weight) && weight >= 1 && weight <= 1000 && (Math.abs(weight - exact) <= 0.5 || exact < 1)
        )
      })
    }),
    { numRuns: 300 },
  )
  t.end()
})

await t.test('the name of a service is one that can be asked for', t => {
  t.equal(parseServiceName('_http._tcp.api.test.'), '_http._tcp.api.test')
  t.equal(parseServiceName('web.service.consul'), 'web.service.consul')
  for (const wrong of ['', '.', 'a..b', 'http://a', 'a b', '-a.b', `${'a'.repeat(64)}.b`, `${'a.'.repeat(130)}b`]) {
    t.throws(() => parseServiceName(wrong), /the name of a service is written as in/, wrong)
  }
  t.end()
})
