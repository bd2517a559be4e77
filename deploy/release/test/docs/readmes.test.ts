import path from 'node:path'
import t from 'tap'
import { isThere, markdownFiles, namedFiles } from '../../src/docs/readmes.ts'

const checkout = path.resolve(import.meta.dirname, '../../../..')

await t.test('files are told from media types, versions, globs and what is made at run time', async t => {
  const text = [
    'Read `apps/balancer/src/proxy.ts`, `./src/index.ts`, `../config/README.md` and `deploy/prometheus/prometheus.yml`.',
    'Not `HTTP/1.1`, `application/json`, `packages/*/src/index.ts`, `@plimsoll/config`, `index.ts`, `/etc/x.json`,',
    '`dist/index.js`, `.plimsoll/x.json`, `https://example.org/x.json` or `node a/b.ts`.',
    '```sh',
    'node `not/this.ts`',
    '```',
    'And `apps/balancer/src/proxy.ts` again.',
  ].join('\n')
  t.same(namedFiles(text), [
    'apps/balancer/src/proxy.ts',
    './src/index.ts',
    '../config/README.md',
    'deploy/prometheus/prometheus.yml',
  ])
})

await t.test('a name counts from the root or from the folder of its text', async t => {
  t.ok(isThere(checkout, 'deploy/release/README.md', 'deploy/release/src/errors.ts'))
  t.ok(isThere(checkout, 'deploy/release/README.md', 'src/errors.ts'))
  t.notOk(isThere(checkout, 'deploy/release/README.md', 'src/gone.ts'))
})

await t.test('the Markdown files are those of the project, not of what it has installed', async t => {
  const files = markdownFiles(checkout)
  t.ok(files.includes('packages/problem-details/README.md'))
  t.notOk(files.some(file => file.includes('node_modules')))
})
