import t from 'tap'
import { drawProductionSecrets } from '../src/production-secrets.ts'

await t.test('every run has secrets of its own, all of them from what is drawn', async t => {
  const { operatorAuthorization, env } = drawProductionSecrets()
  t.equal(operatorAuthorization, `Bearer ${env.API_OPERATOR_TOKEN}`)
  const { sign, keys } = JSON.parse(env.API_TOKEN_KEYS) as { sign: string; keys: Record<string, string> }
  const texts = [env.API_OPERATOR_TOKEN, keys[sign] ?? '']
  for (const text of texts) t.match(text, /^[\w-]{43}$/, '32 bytes in base64url')
  const others = drawProductionSecrets()
  t.equal(new Set([...texts, others.env.API_OPERATOR_TOKEN, env.API_TOKEN_KEYS, others.env.API_TOKEN_KEYS]).size, 5)
  let drawn = 0
  const counted = drawProductionSecrets(count => Buffer.alloc(count, ++drawn))
  t.equal(drawn, 2)
  t.equal(counted.env.API_OPERATOR_TOKEN, Buffer.alloc(32, 1).toString('base64url'))
})
