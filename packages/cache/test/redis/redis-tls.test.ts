// TLS on a real server: who can't be verified isn't spoken to.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { freePort, requireProgram } from '@plimsoll/testing'
import { openRedis, RedisTier } from '../../src/redis/index.ts'
import { startRedisServer } from './fixture/redis-server.ts'

await t.test('speaks TLS to a server that it can verify, and to no other', async t => {
  const file = requireProgram(t, 'redis-server')
  const openssl = requireProgram(t, 'openssl')
  if (file === undefined || openssl === undefined) return
  const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-redis-tls-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const key = path.join(folder, 'key.pem')
  const cert = path.join(folder, 'cert.pem')
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1']
  execFileSync(openssl, ['req', '-x509', ...kind, '-keyout', key, '-out', cert, ...subject], { stdio: 'ignore' })
  const port = await freePort()
  const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert]
  await startRedisServer(t, file, ['--tls-port', String(port), ...files, '--tls-auth-clients', 'no'])

  const common = { url: `rediss://127.0.0.1:${port}`, timeoutMs: 5000, connectTimeoutMs: 5000 }
  const trusting = openRedis({ ...common, tls: { ca: readFileSync(cert) } })
  t.teardown(() => trusting.close())
  await trusting.firstAttempt
  t.same(trusting.state(), { state: 'on' })
  const tier = new RedisTier(trusting)
  await tier.setMany('n', [{ key: 'k', bytes: Buffer.from('v'), lifeMs: 60_000 }])
  t.ok((await tier.getMany('n', ['k']))[0])

  const wary = openRedis(common)
  t.teardown(() => wary.close())
  await wary.firstAttempt
  t.match(wary.state(), { state: 'degraded', reason: /self-signed certificate/ })
})
