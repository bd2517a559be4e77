import t from 'tap'
import type { ReleaseError } from '../../src/errors.ts'
import { builtFile, extraFiles, publishedManifest } from '../../src/pack/manifest.ts'

const versions = new Map([['@plimsoll/config', '1.2.3']])
const base = { name: '@plimsoll/thing', version: '0.1.0', exports: { '.': './src/index.ts' } }

await t.test('exports point at JavaScript and its declarations, at any depth', async t => {
  const { exports } = publishedManifest(
    {
      ...base,
      exports: {
        '.': './src/index.ts',
        './testing': { node: './src/testing/index.ts', default: null },
        './config.schema.json': './config.schema.json',
      },
    },
    versions,
  )
  t.same(exports, {
    '.': { types: './dist/index.d.ts', default: './dist/index.js' },
    './testing': { node: { types: './dist/testing/index.d.ts', default: './dist/testing/index.js' }, default: null },
    './config.schema.json': './config.schema.json',
  })
})

await t.test('commands point at JavaScript', async t => {
  t.same(publishedManifest({ ...base, bin: { thing: './src/main.ts' } }, versions).bin, { thing: './dist/main.js' })
  t.same(publishedManifest({ ...base, bin: 'src/main.ts' }, versions).bin, './dist/main.js')
})

await t.test('dependencies on the workspace become exact and others stay', async t => {
  const { dependencies } = publishedManifest(
    { ...base, dependencies: { '@plimsoll/config': '*', pino: '10.4.0' } },
    versions,
  )
  t.same(dependencies, { '@plimsoll/config': '1.2.3', pino: '10.4.0' })
})

await t.test('what only the workspace needs is left out', async t => {
  const published = publishedManifest(
    { ...base, private: true, scripts: {}, devDependencies: {}, repository: 'x', license: 'MIT', files: ['src'] },
    versions,
  )
  t.same(Object.keys(published).toSorted(), ['engines', 'exports', 'files', 'license', 'name', 'version'])
  t.same(published.files, ['dist'])
})

await t.test('files outside src are kept', async t => {
  t.same(extraFiles({ ...base, files: ['src', './src/x.json', 'config.schema.json', 'docs'] }), [
    'config.schema.json',
    'docs',
  ])
})

await t.test('only TypeScript below src is built', async t => {
  t.equal(builtFile('./src/a/b.ts'), './dist/a/b.js')
  t.equal(builtFile('./src/a.d.ts'), null)
  t.equal(builtFile('./README.md'), null)
})

await t.test('a manifest that would publish TypeScript, or nothing, is refused', async t => {
  for (const exports of [undefined, { '.': './lib/index.ts' }]) {
    try {
      publishedManifest({ name: base.name, version: base.version, ...(exports && { exports }) }, versions)
      t.fail('it was accepted')
    } catch (error) {
      t.equal((error as ReleaseError).code, 'RELEASE_ERR_MANIFEST')
    }
  }
})
