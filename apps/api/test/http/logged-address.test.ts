// Addresses of clients in log lines: every form that an address is written in, and every line that a request leaves.
import t from 'tap'
import fc from 'fast-check'
import { BlockList } from 'node:net'
import { loggedAddress } from '../../src/http/logged-address.ts'
import { NO_DATABASE, testApp } from '../fixture/test-app.ts'

await t.test('an address is cut to its network, however it is written', t => {
  const cases: readonly (readonly [string, string])[] = [
    ['203.0.113.77', '203.0.113.0'],
    ['2001:db8:85a3:8d3:1319:8a2e:370:7348', '2001:db8:85a3::'],
    ['2001:0DB8:85A3::1', '2001:db8:85a3::'],
    ['::1', '::'],
    ['1::2:3:4:5:6:7', '1:0:2::'],
    ['::ffff:203.0.113.77', '203.0.113.0'],
    ['::ffff:cb00:714d', '203.0.113.0'],
    ['64:ff9b::203.0.113.77', '64:ff9b::'],
    ['fe80::1%eth0', 'fe80::'],
    // As some proxies pass them on.
    ['203.0.113.77:51000', '203.0.113.0'],
    ['[2001:db8::77]:443', '2001:db8::'],
    ['[2001:db8::77]', '2001:db8::'],
    ['[fe80::1%eth0]:443', 'fe80::'],
    ['[::ffff:203.0.113.77]:51000', '203.0.113.0'],
    [' 203.0.113.77', '203.0.113.0'],
  ]
  for (const [address, wanted] of cases) {
    t.equal(loggedAddress('truncated', address), wanted, address)
    t.equal(loggedAddress('full', address), address)
    t.equal(loggedAddress('none', address), undefined)
  }
  for (const form of ['truncated', 'none'] as const) {
    for (const other of ['localhost', 'unknown', '', 'unix', 'unix:/run/x.sock', undefined])
      t.equal(loggedAddress(form, other), other)
    // It may hold one, in a form that nobody has thought of.
    for (const other of [
      '203.0.113.77:51000:1',
      'for=203.0.113.77',
      '2001:db8:1:2:3:4:5:6:443',
      'unix:203.0.113.77',
      7,
    ])
      t.equal(loggedAddress(form, other), undefined, String(other))
  }
  t.end()
})

await t.test('what is left of any IPv6 address is its network of 48 bits, and the same again', t => {
  const group = fc.integer({ min: 0, max: 0xffff })
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), groups => {
      // Those are IPv4 addresses.
      fc.pre(groups.slice(0, 5).some(part => part !== 0))
      const address = groups.map(part => part.toString(16)).join(':')
      const cut = loggedAddress('truncated', address) as string
      const network = new BlockList()
      network.addSubnet(cut, 48, 'ipv6')
      return network.check(address, 'ipv6') && cut.endsWith('::') && loggedAddress('truncated', cut) === cut
    }),
    { numRuns: 300 },
  )
  t.end()
})

await t.test('no line of a request has more of its address than it may', async t => {
  for (const [form, wanted] of [
    ['truncated', '203.0.113.0'],
    ['none', undefined],
    ['full', '203.0.113.77'],
  ] as const) {
    const { app, dependencies, logged } = await testApp(t, NO_DATABASE, { loggedAddresses: form })
    const remoteAddress = '203.0.113.77'
    await app.inject({ url: '/health/live', remoteAddress })
    await app.inject({ url: '/api/users/1/export', remoteAddress })
    await app.inject({ url: '/nowhere', remoteAddress })
    // Whoever logs one later, in a child of whichever kind.
    dependencies.logger.info({ address: remoteAddress }, 'a line')
    dependencies.logger.child({ category: 'security' }).warn({ remoteAddress }, 'another')
    const refused = logged.find(({ msg }) => msg === 'request refused')
    t.equal(refused?.['ip'], wanted, 'in the security log')
    t.equal(logged.findLast(({ msg }) => msg === 'request')?.['ip'], wanted, 'in the request log')
    t.ok(logged.length >= 6)
    t.equal(
      logged.some(line => JSON.stringify(line).includes(remoteAddress)),
      form === 'full',
      form,
    )
  }
})
