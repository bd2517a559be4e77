import t from 'tap'
import { HostGuard, isHostName, isOwnOrigin } from '../../src/admin/host-guard.ts'

const guard = new HostGuard(['Admin.example.org', 'balancer'])

await t.test('IP addresses, localhost and listed names are ours, with any port and in any case', async t => {
  for (const authority of [
    '127.0.0.1',
    '127.0.0.1:9901',
    '10.0.0.7:80',
    '[::1]',
    '[::1]:9901',
    '[2001:DB8::1]:9901',
    'localhost',
    'LOCALHOST:1',
    'admin.example.org',
    'ADMIN.example.org:443',
    'balancer:9901',
  ])
    t.ok(guard.accepts(authority), authority)
})

await t.test('every other name may be anybody, and what is no authority is nobody', async t => {
  for (const authority of [
    '',
    'evil.example',
    'evil.example:9901',
    'localhost.evil.example',
    'localhost.',
    '127.0.0.1.evil.example',
    '127.0.0.1.',
    '127.0.0.256',
    '2130706433',
    '0x7f000001',
    '127.1',
    'admin.example.org.evil.example',
    'x.admin.example.org',
    '::1',
    '[::1',
    '[evil]',
    '[v1.x]',
    '127.0.0.1:',
    '127.0.0.1:x',
    '127.0.0.1:123456',
    '127.0.0.1@evil.example',
    'evil.example#127.0.0.1',
    '127.0.0.1/evil',
    '127.0.0.1, evil.example',
    'localhost\u0000',
    'ⓛocalhost',
  ])
    t.notOk(guard.accepts(authority), JSON.stringify(authority))
})

await t.test('an origin is ours when it names the authority that was asked, with either scheme', async t => {
  t.ok(isOwnOrigin('http://127.0.0.1:9901', '127.0.0.1:9901'))
  t.ok(isOwnOrigin('https://admin.example.org', 'Admin.Example.org'))
  for (const origin of [
    'null',
    '',
    'http://127.0.0.1',
    'http://127.0.0.1:9902',
    'http://evil.example',
    'ftp://127.0.0.1:9901',
  ])
    t.notOk(isOwnOrigin(origin, '127.0.0.1:9901'), origin)
})

await t.test('a name for the list is one of DNS, without port', async t => {
  for (const name of ['balancer', 'Admin.example.org', 'a_b', 'x1']) t.ok(isHostName(name), name)
  for (const name of ['', 'a:1', '[::1]', 'http://a', '*.a', 'a.', '-a', 'a b']) t.notOk(isHostName(name), name)
})
