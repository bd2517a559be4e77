import t from 'tap'
import { connectOptions, parseUpstreamAddress } from '../../src/upstream/address.ts'

await t.test('TCP addresses: host, port, default port, IPv6', async t => {
  t.same(parseUpstreamAddress('http://127.0.0.1:3001'), {
    kind: 'tcp',
    host: '127.0.0.1',
    port: 3001,
    authority: '127.0.0.1:3001',
  })
  t.same(parseUpstreamAddress('http://api.internal'), {
    kind: 'tcp',
    host: 'api.internal',
    port: 80,
    authority: 'api.internal',
  })
  t.same(parseUpstreamAddress('http://[::1]:3001'), { kind: 'tcp', host: '::1', port: 3001, authority: '[::1]:3001' })
  t.same(connectOptions(parseUpstreamAddress('http://[::1]:3001')), { host: '::1', port: 3001 })
})

await t.test('a Unix socket needs an absolute path that the kernel will not cut', async t => {
  t.same(connectOptions(parseUpstreamAddress('unix:/run/app.sock')), { path: '/run/app.sock' })
  t.throws(() => parseUpstreamAddress('unix:run/app.sock'), /absolute path/)
  t.throws(() => parseUpstreamAddress(`unix:/${'x'.repeat(100)}`), /101 bytes, the limit is 100/)
})

await t.test('what is no upstream is refused with the reason', async t => {
  for (const text of ['127.0.0.1:3001', 'https://x', 'ftp://x', '', 'http://'])
    t.throws(() => parseUpstreamAddress(text), /an upstream is/)
  for (const text of ['http://x/path', 'http://x?q', 'http://u@x', 'http://x#f'])
    t.throws(() => parseUpstreamAddress(text), /no path, query or user/)
})
