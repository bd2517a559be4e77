import fc from 'fast-check'
import t from 'tap'
import { redactText } from '@plimsoll/config'
import { shownValue } from '../src/redact-text.ts'

await t.test('passwords in URLs and connection strings are taken out, the rest stays', async t => {
  const cases = {
    'postgres://app:hunter2@db:5432/shop': 'postgres://app:•••@db:5432/shop',
    'redis://:hunter2@cache': 'redis://:•••@cache',
    'see postgres://a:b@c and http://d:e@f.': 'see postgres://a:•••@c and http://d:•••@f.',
    'postgres://u:p@ss/w?o#rd@h/db': 'postgres://u:•••@h/db',
    'postgresql://h/db?user=x&password=hunter2&sslmode=require':
      'postgresql://h/db?user=x&password=•••&sslmode=require',
    'host=h password=hunter2 dbname=x': 'host=h password=••• dbname=x',
    'https://x/?api_key=abc&access_token=def': 'https://x/?api_key=•••&access_token=•••',
  }
  for (const [text, redacted] of Object.entries(cases)) t.equal(redactText(text), redacted)
})

await t.test('what holds no password stays as it is', async t => {
  for (const text of [
    '',
    'abc',
    'http://127.0.0.1:3001',
    'unix:/run/app.sock',
    'a:b@c',
    'http://user@host/path',
    '10:30',
  ]) {
    t.equal(redactText(text), text)
  }
})

await t.test('no URL gives away its password, whatever it is made of', async t => {
  const password = fc.string({ minLength: 8, maxLength: 20, unit: fc.constantFrom(...'qzj:/@?#&=%+!,;'.split('')) })
  const isGone = fc.property(
    password,
    secret => !redactText(`postgres://app:${secret}@db.internal/shop`).includes(secret),
  )
  t.doesNotThrow(() => fc.assert(isGone, { numRuns: 300 }))
})

await t.test('a message shows a value short, on one line and without passwords', async t => {
  t.equal(shownValue('a\nb', false), '"a\\nb"')
  t.equal(shownValue('x'.repeat(500), false).length, 82)
  t.equal(shownValue('http://u:p@h', false), '"http://u:•••@h"')
  t.equal(shownValue(5, false), '5')
  t.equal(shownValue({ a: 1 }, false), 'an object')
  t.equal(shownValue([1], false), 'a list')
  t.notMatch(shownValue('hunter2', true), /hunter/)
})
