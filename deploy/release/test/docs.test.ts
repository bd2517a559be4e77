// The documentation says what the code says: generated parts are as generated, and the files that it names exist.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { generate, unfilledMarkers } from '../src/docs/generate.ts'
import { GENERATED_PARTS } from '../src/docs/generated-parts.ts'
import { isThere, markdownFiles, namedFiles } from '../src/docs/readmes.ts'

const checkout = path.resolve(import.meta.dirname, '../../..')
const texts = markdownFiles(checkout)

await t.test('every generated part is as generated', async t => {
  for (const { file, present, wanted, problem } of await generate(checkout, GENERATED_PARTS)) {
    t.equal(problem, null, file)
    t.equal(present, wanted, `${file} (if not: npm run docs)`)
  }
})

await t.test('no markers wait for a table that nothing generates', async t => {
  t.same(unfilledMarkers(checkout, texts, GENERATED_PARTS), [])
})

await t.test('the files that the documentation names exist', async t => {
  for (const file of texts) {
    const missing = namedFiles(readFileSync(path.join(checkout, file), 'utf8')).filter(
      name => !isThere(checkout, file, name),
    )
    t.same(missing, [], `${file} names only files that exist, from the root or from its own folder`)
  }
})
