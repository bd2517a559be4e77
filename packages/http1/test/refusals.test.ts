import t from 'tap'
import { readFileSync } from 'node:fs'
import { REFUSALS } from '@plimsoll/http1'
import { ofResponse } from '../src/refusals.ts'

const all = Object.values(REFUSALS)

await t.test('every refusal has a code of its own, a status and a sentence, and ends the connection', async t => {
  t.equal(new Set(all.map(refusal => refusal.code)).size, all.length)
  for (const refusal of all) {
    t.match(refusal.code, /^HTTP1_ERR_[A-Z\d_]+$/)
    t.ok(refusal.status >= 400 && refusal.status <= 505, refusal.code)
    t.match(refusal.message, /^[A-Z\d].*\.$/, refusal.code)
    t.equal(refusal.keepConnection, false, refusal.code)
    t.ok(Object.isFrozen(refusal))
  }
  t.ok(Object.isFrozen(REFUSALS))
})

await t.test('a response is refused with the same code and sentence, and with 502', async t => {
  for (const refusal of all) {
    t.same(ofResponse(refusal), { ...refusal, status: 502 })
    t.equal(ofResponse(refusal), ofResponse(refusal), 'the same object each time')
  }
})

await t.test('the README lists every refusal as it is', async t => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const section = readme.slice(readme.indexOf('<!-- refusals -->'), readme.indexOf('<!-- /refusals -->'))
  const rows = section
    .split('\n')
    .filter(line => line.startsWith('| `'))
    .map(line => line.split('|').map(cell => cell.trim()))
    .map(([, code, status, message]) => [code?.replaceAll('`', ''), Number(status), message])
  t.same(
    rows,
    all.map(({ code, status, message }) => [code, status, message.replaceAll('*', '\\*')]),
  )
})

await t.test('every limit stands in the README with its default', async t => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const { DEFAULT_LIMITS } = await import('@plimsoll/http1')
  for (const [name, value] of Object.entries(DEFAULT_LIMITS)) {
    const row = readme.split('\n').find(line => line.startsWith(`| \`${name}\``))
    t.equal(row?.split('|')[3]?.replaceAll('`', '').trim(), String(value), name)
  }
})
