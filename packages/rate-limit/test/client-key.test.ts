import { isIPv4, isIPv6, SocketAddress } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { createClientKeys, UNKNOWN_CLIENT } from '../src/index.ts'

const key = createClientKeys()

await t.test('an address has one key, however it is written', async t => {
  const spellings: Readonly<Record<string, readonly string[]>> = {
    '192.0.2.7': [
      '192.0.2.7',
      '192.0.2.7:51000',
      '::ffff:192.0.2.7',
      '::FFFF:c000:207',
      '0:0:0:0:0:ffff:192.0.2.7',
      '[::ffff:192.0.2.7]:443',
    ],
    '2001:db8:0:1::/64': [
      '2001:db8:0:1::',
      '2001:DB8:0:1::1',
      '2001:0db8:0000:0001:ffff:ffff:ffff:ffff',
      '2001:db8:0:1::192.0.2.7',
      '[2001:db8:0:1::9]',
      '[2001:db8:0:1::9]:65535',
      '2001:db8:0:1::9%eth0',
    ],
    'fe80:0:0:0::/64': ['fe80::1', 'fe80::1%eth0', 'fe80::1%25', 'fe80::2%wlan0.3'],
    '0:0:0:0::/64': ['::', '::1'],
  }
  for (const [expected, list] of Object.entries(spellings)) {
    for (const address of list) t.equal(key(address), expected, address)
  }
})

await t.test('all that is no address is one client', async t => {
  const garbage = [
    undefined,
    '',
    'localhost',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.',
    '.1.2.3.4',
    '1..3.4',
    '256.1.1.1',
    '01.2.3.4',
    '1.2.3.4 ',
    '1.2.3.4:',
    '1.2.3.4:x',
    '1.2.3.4:123456',
    '0x7f.0.0.1',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    '12345::',
    'g::',
    ':1:2:3:4:5:6:7',
    '1.2.3.4::',
    '::1.2.3.4:5',
    '::1%',
    `::1%${'z'.repeat(33)}`,
    '::1%a b',
    '[::1',
    '[::1]x',
    '[1.2.3.4]',
    '[]',
    '[::1]:',
    '1.2.3.4%eth0',
    '_hidden',
    `${'0'.repeat(100)}::1`,
  ]
  for (const address of garbage) t.equal(key(address), UNKNOWN_CLIENT, String(address))
})

await t.test('every address that Node knows has the key of its prefix, and nothing else has a key', async t => {
  const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })).map(n => n.toString(16))
  const text = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.array(group, { minLength: 8, maxLength: 8 }).map(groups => groups.join(':')),
    fc.string({
      unit: fc.constantFrom('0', '1', '25', 'f', 'A', ':', ':', '::', '.', '.', '%', 'ffff'),
      maxLength: 24,
    }),
  )
  let known = 0
  fc.assert(
    fc.property(text, address => {
      const [bare = '', ...zone] = address.split('%')
      // Node takes colons for a part of a zone's name.
      if (zone.length > 0) return [UNKNOWN_CLIENT, key(bare)].includes(key(address))
      if (isIPv4(address)) return key(address) === address
      if (!isIPv6(address)) return key(address) === UNKNOWN_CLIENT || key(address) === address.split(':')[0]
      known++
      const { address: canonical } = new SocketAddress({ address, family: 'ipv6' })
      return key(address) !== UNKNOWN_CLIENT && key(address) === key(canonical)
    }),
    { numRuns: 2000 },
  )
  t.ok(known > 200, `${known} IPv6 addresses were looked at`)
})

await t.test('the prefix is as long as it is told', async t => {
  const keys = (ipv6PrefixBits: number): string => createClientKeys({ ipv6PrefixBits })('2001:db8:abcd:12ff::1')
  t.equal(keys(48), '2001:db8:abcd::/48')
  t.equal(keys(56), '2001:db8:abcd:1200::/56')
  t.equal(keys(60), '2001:db8:abcd:12f0::/60')
  t.equal(keys(128), '2001:db8:abcd:12ff:0:0:0:1/128')
  for (const ipv6PrefixBits of [0, 15, 129, 64.5])
    t.throws(() => keys(ipv6PrefixBits), { code: 'RATE_LIMIT_ERR_OPTION' })
  t.throws(() => createClientKeys({ bits: 64 } as object), { code: 'RATE_LIMIT_ERR_OPTION' })
})
