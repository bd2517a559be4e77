import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { generate, unfilledMarkers } from '../../src/docs/generate.ts'
import type { GeneratedPart } from '../../src/docs/generated-parts.ts'

const TABLE = '| a | b |\n| --- | --- |\n| 1 | 22 |'
const options: GeneratedPart = { file: 'README.md', marker: 'options', render: () => TABLE }
const marked = (name: string, body: string) => `<!-- ${name}:start -->\n\n${body}\n\n<!-- ${name}:end -->`

function checkoutWith(t: Test, readme: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-docs-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  writeFileSync(path.join(folder, '.oxfmtrc.json'), '{}')
  writeFileSync(path.join(folder, 'README.md'), readme)
  return folder
}

await t.test('parts of one file are filled together, formatted, and the rest stays', async t => {
  const errors: GeneratedPart = { ...options, marker: 'errors', render: () => 'none' }
  const folder = checkoutWith(t, `# Title\n\n${marked('options', 'old')}\n\ntext\n\n${marked('errors', '')}\n`)
  const [file] = await generate(folder, [options, errors])
  const aligned = '| a   | b   |\n| --- | --- |\n| 1   | 22  |'
  t.equal(file?.wanted, `# Title\n\n${marked('options', aligned)}\n\ntext\n\n${marked('errors', 'none')}\n`)
  t.match(file?.present, /old/)
})

await t.test('a text that is as generated does not differ', async t => {
  const folder = checkoutWith(t, `${marked('options', '| a   | b   |\n| --- | --- |\n| 1   | 22  |')}\n`)
  const [file] = await generate(folder, [options])
  t.equal(file?.present, file?.wanted)
})

await t.test('a whole file is made when it is not there', async t => {
  const folder = checkoutWith(t, '')
  const [file] = await generate(folder, [{ file: 'x.schema.json', marker: null, render: () => '{"a":1}' }])
  t.same(file, { file: 'x.schema.json', present: null, wanted: '{ "a": 1 }\n', problem: null })
})

await t.test('a README without the markers, or none at all, is named', async t => {
  const folder = checkoutWith(t, 'no markers\n')
  for (const file of ['README.md', 'OTHER.md']) {
    const [result] = await generate(folder, [{ ...options, file }])
    t.equal(result?.wanted, null)
    t.match(result?.problem, new RegExp(`^${file}: .*options`))
  }
})

await t.test('markers that nothing fills are found, a mention of them is not', async t => {
  const folder = checkoutWith(
    t,
    `# A\n\n${marked('options', '')}\n\n${marked('errors', '')}\n\nsee \`<!-- imports:start -->\`\n`,
  )
  t.same(unfilledMarkers(folder, ['README.md'], [options]), ['README.md: errors'])
})
