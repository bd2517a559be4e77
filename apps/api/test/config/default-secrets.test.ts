import t from 'tap'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { readKeyring } from '../../src/auth/keyring.ts'
import { defaultSecrets, weakKeys, type Secrets } from '../../src/config/default-secrets.ts'

const checkout = path.join(import.meta.dirname, '../../../..')
const random = (bytes: number) => randomBytes(bytes).toString('base64url')
const keyring = (secret: string) => JSON.stringify({ sign: 'k1', keys: { k1: secret } })
const keyOf = (text: string) => keyring(Buffer.from(text).toString('base64url'))
const urlWith = (password: string) => `postgres://orders:${encodeURIComponent(password)}@db-7.internal:5432/shop`
const good: Secrets = {
  database: { url: urlWith(random(16)), directUrl: urlWith(random(16)) },
  cache: { redisPassword: random(16) },
  http: { operatorToken: random(32) },
  controlToken: random(32),
  auth: { keys: keyring(random(32)) },
}
const refusals = (changed: Partial<Secrets>) => defaultSecrets({ ...good, ...changed })

await t.test('what was drawn at random passes, in whichever alphabet', async t => {
  for (let run = 0; run < 200; run += 1) {
    const hex = randomBytes(16).toString('hex')
    const secrets: Secrets = {
      database: { url: urlWith(random(12)) },
      cache: { redisPassword: hex },
      http: { operatorToken: hex },
      controlToken: random(17),
      auth: { keys: run % 2 === 0 ? keyring(random(32)) : keyOf(randomBytes(32).toString('hex')) },
    }
    t.same(defaultSecrets(secrets), [], JSON.stringify(secrets))
  }
  t.same(refusals({ cache: {}, http: {}, controlToken: undefined }), [], 'what is closed needs no secret')
  t.same(refusals({ database: { url: 'postgres:///shop?host=/run/postgresql' } }), [], 'nor does a socket')
})

await t.test('a password that everybody tries first is refused wherever it stands, and not repeated', async t => {
  const tried = ['secret', 'changeme', 'Change-Me!', 'password', 'P@ssw0rd', 'plimsoll', 'postgres', 'admin123', '12345678', 'qwertyuiop', 'aaaaaaaaaaaa', 'xyxyxyxyxy', 'mysecretpassword', 'foobared', 'orders', 'shop2026', 'db-7', 'pass-word', 'supersecret', 'hunter2'] // prettier-ignore
  for (const password of tried) {
    for (const [option, changed] of [
      ['database.url', { database: { url: urlWith(password) } }],
      ['database.url', { database: { url: `postgres://orders@db-7/shop?password=${encodeURIComponent(password)}` } }],
      ['database.directUrl', { database: { ...good.database, directUrl: urlWith(password) } }],
    ] as const) {
      const problems = refusals(changed)
      t.equal(problems.length, 1, `${password} in ${option}`)
      t.ok(problems[0]?.startsWith(`${option} is not for production: `), String(problems))
    }
  }
  for (const password of ['secret', 'redis', 'foobared', '000000'])
    t.match(refusals({ cache: { redisPassword: password } }), [/^cache\.redisPassword is not for production/])
  for (const password of ['Zanzibar-quartz', 'tr4mpoline!x', 'rV9!kq'])
    t.same(refusals({ database: { url: urlWith(password) } }), [], 'others are the administrator’s to judge')
})

await t.test('tokens that are short, repeated or words are refused', async t => {
  const weak = {
    'Xk3_9dPq-Lr71VzT': /fewer than 22 characters/,
    abababababababababababab: /same few/,
    'xK3_9dPq-xK3_9dPq-xK3_9dPq-xK3_': /same few/,
    'a-token-of-some-length': /words/,
    'a-token-for-tests-only': /words/,
    'change-me-please-change-me': /words/,
    'my-secret-operator-token-123': /words/,
  }
  for (const [token, reason] of Object.entries(weak)) {
    for (const [option, changed] of [
      ['http.operatorToken', { http: { operatorToken: token } }],
      ['controlToken', { controlToken: token }],
    ] as const) {
      const [problem, ...others] = refusals(changed)
      t.match(problem, reason, token)
      t.ok(problem?.startsWith(`${option} is not for production: `), String(problem))
      t.same(others, [])
      t.notOk(problem?.includes(token), 'it is not repeated')
    }
  }
  const token = random(32)
  t.match(refusals({ http: { operatorToken: token }, controlToken: token }), [/are the same/])
})

await t.test('signing keys have to be there, and be random', async t => {
  t.match(refusals({ auth: {} }), [/^auth\.keys or auth\.keysFile has to be given in production/])
  t.same(refusals({ auth: { keysFile: '/run/secrets/keys.json' } }), [], 'a file is looked at when it is read')
  const weak = {
    'not JSON': /^auth\.keys: .*no JSON/,
    [keyring('c2hvcnQ')]: /fewer than 32 bytes/,
    [keyOf('\0'.repeat(32))]: /same few/,
    [keyOf('0123456789abcdef0123456789abcdef')]: /same few/,
    [keyOf('this-is-my-very-secret-signing-key-123')]: /words/,
    [keyring('changeme-changeme-please-change-this-secret-')]: /words/,
    [keyOf('aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbcccccccc')]: /too few different/,
  }
  for (const [keys, reason] of Object.entries(weak)) {
    const [problem, ...others] = refusals({ auth: { keys } })
    t.match(problem, reason, keys)
    t.same(others, [])
    t.notOk(/secret-signing|changeme|0123/.test(problem ?? ''), 'it is not repeated')
  }
})

await t.test('no secret that stands in a document of ours gets into production', async t => {
  const documents = globSync(
    [
      '*.md',
      '{apps,packages,bench,deploy}/**/*.md',
      'deploy/**/*.{yaml,yml,env,service,conf}',
      'deploy/**/Containerfile',
    ],
    {
      cwd: checkout,
      exclude: ['**/node_modules/**'],
    },
  )
  t.ok(documents.length > 5)
  let seen = 0
  for (const file of documents) {
    const text = readFileSync(path.join(checkout, file), 'utf8')
    for (const [, password = ''] of text.matchAll(/(?:postgres(?:ql)?|rediss?):\/\/[\w.-]*:([^@\s/`'"]+)@/g)) {
      seen += 1
      t.equal(refusals({ database: { url: urlWith(decodeURIComponent(password)) } }).length, 1, `${file}: ${password}`)
    }
    for (const [, token = ''] of text.matchAll(/(?:_TOKEN|_PASSWORD)[=:] ?["']?([\w+/=-]{3,})/g)) {
      seen += 1
      t.equal(refusals({ http: { operatorToken: token } }).length, 1, `${file}: ${token}`)
    }
  }
  t.ok(seen > 0, 'there are some')
})

await t.test('the documented commands make what passes', async t => {
  const text = readFileSync(path.join(checkout, 'apps/api/SECURITY.md'), 'utf8')
  const commands = [...text.matchAll(/^node (-[ep]) '([^']+)'/gm)].map(([, flag = '', code = '']) => [flag, code])
  t.equal(commands.length, 2)
  const [keys = '', token = ''] = commands.map(words =>
    execFileSync(process.execPath, words, { encoding: 'utf8' }).trim(),
  )
  t.same(weakKeys(readKeyring(keys)), [])
  t.same(refusals({ auth: { keys }, http: { operatorToken: token } }), [])
})
