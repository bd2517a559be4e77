import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { describeMachine, machineFacts } from '../src/machine.ts'

await t.test('the machine is named with its cores, its Node version and the commit', async t => {
  const facts = machineFacts(import.meta.dirname)
  t.equal(facts.node, process.version)
  t.ok(facts.cores >= 1)
  t.ok(facts.memoryGib >= 1)
  t.match(facts.commit, /^(?:[0-9a-f]{7,}(?:\+changes)?|unknown)$/)
  t.match(describeMachine(facts), new RegExp(`${facts.cores} cores, .*Node ${process.version}`))
})

await t.test('outside a repository the commit is unknown', async t => {
  const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-no-repository-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  t.equal(machineFacts(folder).commit, 'unknown')
})
