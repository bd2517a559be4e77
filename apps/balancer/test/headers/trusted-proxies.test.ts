import t from 'tap'
import { TrustedProxies, plainAddress } from '../../src/headers/trusted-proxies.ts'

await t.test('addresses, ranges of both families and Unix sockets', t => {
  const trusted = new TrustedProxies(['192.0.2.1', '10.0.0.0/8', '2001:db8::/32', 'unix'])
  for (const address of ['192.0.2.1', '10.255.0.1', '2001:db8::1', '']) t.ok(trusted.has(address), address)
  for (const address of ['192.0.2.2', '11.0.0.1', '2001:db9::1', '::1']) t.notOk(trusted.has(address), address)
  t.notOk(new TrustedProxies([]).has(''))
  t.end()
})

await t.test('what is no address is refused with a sentence', t => {
  for (const entry of ['nonsense', '10.0.0.0/33', '10.0.0.0/8/8', '::1/129', '10.0.0.0/x', ''])
    t.throws(() => new TrustedProxies([entry]), /is no address, no range/, entry)
  t.end()
})

await t.test('the client is the last address that is not trusted', t => {
  const trusted = new TrustedProxies(['10.0.0.0/8', '::1'])
  t.equal(trusted.clientOf('203.0.113.7'), '203.0.113.7')
  t.equal(trusted.clientOf('6.6.6.6, 203.0.113.7, 10.0.0.1'), '203.0.113.7', 'what stands left of it is hearsay')
  t.equal(trusted.clientOf('10.0.0.2, 10.0.0.1'), '10.0.0.2', 'all of them trusted: the first')
  t.equal(trusted.clientOf('unknown, 10.0.0.1'), '10.0.0.1')
  t.equal(trusted.clientOf('nonsense'), null)
  t.equal(trusted.clientOf(''), null)
  t.end()
})

await t.test('ports are not part of an address', t => {
  const trusted = new TrustedProxies(['10.0.0.0/8', '::1'])
  t.equal(trusted.clientOf('[2001:db8::7]:443, ::1'), '2001:db8::7')
  t.equal(trusted.clientOf('203.0.113.7:51000, 10.0.0.1:80'), '203.0.113.7')
  t.equal(trusted.clientOf('6.6.6.6, 203.0.113.7:51000, [::1]:443, [::1]'), '203.0.113.7')
  t.equal(trusted.clientOf('[::ffff:203.0.113.7]:1'), '203.0.113.7')
  for (const node of [
    '203.0.113.7:',
    '203.0.113.7:1:1',
    '203.0.113.7:x',
    '[203.0.113.7',
    '[::1]x',
    '[::1',
    '[]:1',
    ':1',
  ])
    t.equal(trusted.clientOf(`${node}, 10.0.0.1`), '10.0.0.1', node)
  t.end()
})

await t.test('mapped addresses, brackets and zones are taken off', t => {
  t.equal(plainAddress('::ffff:192.0.2.1'), '192.0.2.1')
  t.equal(plainAddress('[::1]'), '::1')
  t.equal(plainAddress('fe80::1%eth0'), 'fe80::1')
  t.equal(plainAddress('192.0.2.1'), '192.0.2.1')
  t.end()
})
