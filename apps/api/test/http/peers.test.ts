import type { IncomingMessage } from 'node:http'
import t from 'tap'
import { believeClientField, isLoopback, isNetwork, isWideNetwork, trustPeers } from '../../src/http/peers.ts'

await t.test('on a Unix socket the peer itself is believed, and nobody whom it names', async t => {
  const trust = trustPeers({ unixSocket: true, trustedProxies: [] })
  t.equal(trust(undefined, 0), true)
  t.equal(trust(undefined, 1), false)
  t.equal(trust('10.0.0.1', 0), false)
  t.equal(trust('127.0.0.1', 1), false)
})

await t.test('over TCP a socket without an address is one that is gone, not one that is believed', async t => {
  const trust = trustPeers({ unixSocket: false, trustedProxies: ['10.0.0.0/8'] })
  t.equal(trust(undefined, 0), false)
})

await t.test('over a Unix socket the balancer says who the client is, and nobody does over TCP', async t => {
  const seen = (unixSocket: boolean, remoteAddress: string | undefined, field: string | undefined) => {
    const headers = { 'x-forwarded-for': '192.0.2.1, 10.0.0.1', ...(field === undefined ? {} : { 'x-real-ip': field }) }
    const request = { headers, socket: { remoteAddress } } as unknown as IncomingMessage
    believeClientField(request, trustPeers({ unixSocket, trustedProxies: ['10.0.0.0/8'] }))
    return headers['x-forwarded-for']
  }
  t.equal(seen(true, undefined, '192.0.2.1'), '192.0.2.1')
  t.equal(seen(true, undefined, '2001:db8::1'), '2001:db8::1')
  const chain = '192.0.2.1, 10.0.0.1'
  for (const field of [undefined, '', 'nonsense', '192.0.2.1, 192.0.2.2']) t.equal(seen(true, undefined, field), chain)
  t.equal(seen(false, '10.0.0.1', '192.0.2.1'), chain, 'a listed proxy passes on what clients write')
  t.equal(seen(false, undefined, '192.0.2.1'), chain, 'a socket that is gone')
})

await t.test('listed addresses and networks are believed at any hop, others never', async t => {
  const trust = trustPeers({ unixSocket: false, trustedProxies: ['192.0.2.7', '10.0.0.0/8', 'fd00::/8'] })
  for (const address of ['192.0.2.7', '10.255.1.2', '::ffff:10.1.2.3', 'fd12::1']) {
    t.equal(trust(address, 0), true, address)
    t.equal(trust(address, 3), true, address)
  }
  for (const address of ['192.0.2.8', '11.0.0.1', '::ffff:11.0.0.1', 'fe80::1', '', 'unknown', '10.0.0.1:80', '10.1']) {
    t.equal(trust(address, 0), false, address)
  }
})

await t.test('what is no network is recognised and refused', async t => {
  for (const entry of ['1', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/-1', 'localhost', '::/129', '10.0.0.1/8/8', '']) {
    t.equal(isNetwork(entry), false, entry)
    t.throws(() => trustPeers({ unixSocket: false, trustedProxies: [entry] }), RangeError, entry)
  }
  for (const entry of ['10.0.0.1', '10.0.0.0/0', '::1', '2001:db8::/32']) t.equal(isNetwork(entry), true, entry)
})

await t.test('loopback is 127.0.0.0/8 and ::1, in every spelling, and nothing else', async t => {
  for (const address of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1'])
    t.equal(isLoopback(address), true, address)
  for (const address of [undefined, '', 'localhost', '128.0.0.1', '::2', '0.0.0.0'])
    t.equal(isLoopback(address), false, String(address))
})

await t.test('a network is wide when it is wider than any private one, also where IPv4 is written as IPv6', async t => {
  for (const wide of [
    '0.0.0.0/0',
    '128.0.0.0/1',
    '10.0.0.0/7',
    '::/0',
    'fc00::/6',
    '::ffff:0:0/96',
    '::ffff:10.0.0.0/103',
    '::/8',
    '::/80',
  ])
    t.equal(isWideNetwork(wide), true, wide)
  for (const narrow of [
    '10.0.0.0/8',
    '10.0.0.7',
    '192.168.0.0/16',
    'fc00::/7',
    'fd00::/8',
    '::1',
    '::ffff:10.0.0.0/104',
    '2001:db8::/32',
    'x',
  ])
    t.equal(isWideNetwork(narrow), false, narrow)
})
