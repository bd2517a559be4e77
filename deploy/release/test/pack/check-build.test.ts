import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import type { ReleaseError } from '../../src/errors.ts'
import { checkBuild } from '../../src/pack/check-build.ts'

const manifest = { name: '@plimsoll/thing', version: '0.1.0', dependencies: { pino: '1.0.0', '@scope/known': '1.0.0' } }

/** The code of the first mistake in a package with these built files and these sources, or null. */
function firstMistake(t: Test, built: Record<string, string>, sources: readonly string[] = []): string | null {
  const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-check-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const files = { ...Object.fromEntries(sources.map(name => [`src/${name}`, ''])), ...prefixed('dist/', built) }
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
    writeFileSync(path.join(folder, name), text)
  }
  mkdirSync(path.join(folder, 'src'), { recursive: true })
  try {
    checkBuild(manifest, path.join(folder, 'dist'), path.join(folder, 'src'))
    return null
  } catch (error) {
    return (error as ReleaseError).code
  }
}

await t.test('imports that package.json does not name are found in every form', async t => {
  const undeclared = [
    "import { a } from 'other';",
    "import 'other';",
    "export * from '@scope/other/deep';",
    "export { a } from 'other';",
    "const { a } = await import('other/deep');",
    "import a, { b } from 'other';",
  ]
  for (const line of undeclared) t.equal(firstMistake(t, { 'a.js': line }), 'RELEASE_ERR_UNDECLARED_DEPENDENCY', line)
  t.equal(
    firstMistake(t, { 'a.d.ts': "export declare const a: import('other').B;" }),
    'RELEASE_ERR_UNDECLARED_DEPENDENCY',
    'a type that leaks',
  )
})

await t.test('declared, built-in and own imports pass, and so do examples in comments', async t => {
  const fine = [
    "import { a } from 'pino';",
    "import { a } from '@scope/known/deep';",
    "import { a } from 'node:fs';",
    "import { a } from 'fs';",
    "import { a } from './b.js';",
    "import { a } from '@plimsoll/thing/testing';",
    "// import { a } from 'other';",
    "/**\n * import { a } from 'other';\n */",
  ]
  for (const line of fine) t.equal(firstMistake(t, { 'a.js': line }), null, line)
})

await t.test('a path to a TypeScript file of its own is found, another text is not', async t => {
  const naming = { 'a/b.js': "fork(path.join(import.meta.dirname, 'worker.ts'));" }
  t.equal(firstMistake(t, naming, ['a/worker.ts']), 'RELEASE_ERR_SOURCE_PATH')
  t.equal(firstMistake(t, naming, ['worker.ts']), null)
})

function prefixed(prefix: string, record: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [`${prefix}${key}`, value]))
}
