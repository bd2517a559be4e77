import t from 'tap'
import { indexPath, kebabPath, keyPath } from '../src/value-path.ts'

await t.test('a camel-case path becomes the flag that people expect', async t => {
  const flags = {
    listen: 'listen',
    'health.intervalMs': 'health.interval-ms',
    'http2.maxTTL': 'http2.max-ttl',
    'tls.caFile': 'tls.ca-file',
    TLSCert: 'tls-cert',
    sha256Sum: 'sha256-sum',
    'already-kebab': 'already-kebab',
  }
  for (const [path, flag] of Object.entries(flags)) t.equal(kebabPath(path), flag)
})

await t.test('paths are written as one would write them in code', async t => {
  t.equal(keyPath('', 'a'), 'a')
  t.equal(keyPath('a', 'b'), 'a.b')
  t.equal(keyPath('a', 'b c'), 'a["b c"]')
  t.equal(keyPath(indexPath('list', 1), 'url'), 'list[1].url')
})
