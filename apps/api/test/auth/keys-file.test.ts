// Keys that are exchanged while the service runs.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { until } from '@plimsoll/testing'
import { weakKeys } from '../../src/config/default-secrets.ts'
import { readKeysFile } from '../../src/auth/keys-file.ts'
import { NO_DATABASE, testApp } from '../fixture/test-app.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'keys-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const file = path.join(folder, 'keys.json')
const secrets = { a: randomBytes(32).toString('base64url'), b: randomBytes(32).toString('base64url') }

/** As whoever exchanges secrets does it: another file takes the name. */
function put(text: string): void {
  writeFileSync(`${file}.next`, text)
  renameSync(`${file}.next`, file)
}
const kidOf = (token: string) =>
  (JSON.parse(Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString()) as { kid: string }).kid

await t.test('keys are exchanged without a restart, and a file that can not be used changes nothing', async t => {
  put(JSON.stringify({ sign: 'a', keys: { a: secrets.a } }))
  const { dependencies, logged } = await testApp(t, NO_DATABASE, { auth: { keys: { file } } })
  const { accessTokens } = dependencies.auth
  const { token: first } = accessTokens.sign(1, 1)
  t.equal(kidOf(first), 'a')

  put(JSON.stringify({ sign: 'b', keys: secrets }))
  const signed = () => kidOf(accessTokens.sign(1, 1).token)
  await until(() => signed() === 'b', { what: 'the new key to sign' })
  const { token: second } = accessTokens.sign(1, 1)
  t.equal(accessTokens.verify(first).userId, 1, 'tokens of the old key are good until they end')

  put('{ "sign": "b", "keys": ')
  const refusals = () => logged.filter(({ msg }) => String(msg).includes('not replaced'))
  await until(() => refusals().length > 0, { what: 'the refusal in the log' })
  t.notMatch(JSON.stringify(logged), new RegExp(`${secrets.a}|${secrets.b}`))
  t.equal(accessTokens.verify(second).userId, 1)

  put(JSON.stringify({ sign: 'b', keys: { b: secrets.b } }))
  const isRefused = () => {
    try {
      accessTokens.verify(first)
      return false
    } catch {
      return true
    }
  }
  await until(isRefused, { what: 'the retired key to be refused' })
  t.equal(accessTokens.verify(second).userId, 1)
})

await t.test('keys that are not for production are refused there, at the start and when they come later', async t => {
  const weak = { sign: 'weak', keys: { weak: Buffer.alloc(32, 7).toString('base64url') } }
  put(JSON.stringify(weak))
  t.throws(() => readKeysFile(file, weakKeys), {
    code: 'API_ERR_SIGNING_KEYS',
    message: /"weak" is not for production/,
  })

  put(JSON.stringify({ sign: 'a', keys: { a: secrets.a } }))
  const { dependencies, logged } = await testApp(t, NO_DATABASE, { auth: { keys: { file, refuse: weakKeys } } })
  put(JSON.stringify(weak))
  await until(() => logged.some(({ msg }) => String(msg).includes('not replaced')), { what: 'the refusal in the log' })
  t.equal(kidOf(dependencies.auth.accessTokens.sign(1, 1).token), 'a')
})

await t.test('a file that is not there is said, with what to do', t => {
  t.throws(() => readKeysFile(path.join(folder, 'nowhere')), { code: 'API_ERR_SIGNING_KEYS', message: /ENOENT/ })
  t.end()
})
