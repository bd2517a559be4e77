import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { readLedger } from '../../src/recycle/ledger.ts'
import { ledgerLine } from '../../src/recycle/service/service-protocol.ts'

function folderOf(t: Test, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-ledger-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, `${name}.log`), text)
  return folder
}

await t.test('the files of all processes are put together, with who each POST came to', async t => {
  const folder = folderOf(t, {
    '0-1': ledgerLine('begun', 'POST', 'a') + ledgerLine('done', 'POST', 'a') + ledgerLine('done', 'GET', 'b'),
    '0-2': ledgerLine('begun', 'POST', 'a') + ledgerLine('done', 'POST', 'a'),
  })
  const { done, begun } = readLedger(folder)
  t.same(
    [...done],
    [
      ['POST a', 2],
      ['GET b', 1],
    ],
  )
  t.same([...begun], [['POST a', ['0-1', '0-2']]])
})

await t.test('a line that was cut by the end of its process does not count; a strange one is an error', async t => {
  const { done } = readLedger(folderOf(t, { '0-1': `${ledgerLine('done', 'POST', 'a')}done POST b` }))
  t.same([...done.keys()], ['POST a'])
  t.throws(() => readLedger(folderOf(t, { '0-1': 'hello world\n' })), /0-1.log has a line/)
})
