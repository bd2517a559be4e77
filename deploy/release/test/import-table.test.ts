// The table of allowed imports is enforced: violations planted in a tree of the same layout are reported by the linter under the project's
// configuration, and the same tree without them passes.
import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { plainly } from './plain-node.ts'

const checkout = path.resolve(import.meta.dirname, '../../..')
type Files = Readonly<Record<string, string>>

interface Violation {
  readonly what: string
  readonly rule: string
  /** Files without it, the one that will hold it last. */
  readonly allowed: Files
  /** What the last file has instead. */
  readonly planted: string
}

const RESTRICTED = 'no-restricted-imports'
const violations: readonly Violation[] = [
  {
    what: 'a package imports an app',
    rule: RESTRICTED,
    allowed: { 'packages/cache/src/index.ts': "export { join } from 'node:path'\n" },
    planted: "export { app } from '@plimsoll/api'\n",
  },
  {
    what: 'a package imports another that its row does not have',
    rule: RESTRICTED,
    allowed: { 'packages/cache/src/tiers.ts': "export { LRUCache } from 'lru-cache'\n" },
    planted: "export { connect } from '@plimsoll/db-optimizer'\n",
  },
  {
    what: 'db-optimizer imports the cache',
    rule: RESTRICTED,
    allowed: { 'packages/db-optimizer/src/query-cache.ts': "export { join } from 'node:path'\n" },
    planted: "export type { InvalidationLog } from '@plimsoll/cache'\n",
  },
  {
    what: 'an app imports another app by a relative path',
    rule: RESTRICTED,
    allowed: {
      'apps/api/src/app.ts': 'export const app = 1\n',
      'apps/balancer/src/proxy.ts': "export { config } from '@plimsoll/config'\n",
    },
    planted: "export { app } from '../../api/src/app.ts'\n",
  },
  {
    what: 'an app imports another app by its name',
    rule: RESTRICTED,
    allowed: { 'apps/api/src/main.ts': "export { config } from '@plimsoll/config'\n" },
    planted: "export { balancer } from '@plimsoll/balancer'\n",
  },
  {
    what: "an app reaches into a package's sources by a relative path",
    rule: RESTRICTED,
    allowed: { 'apps/api/src/config.ts': "export { option } from '@plimsoll/config'\n" },
    planted: "export { option } from '../../../packages/config/src/option.ts'\n",
  },
  {
    what: "an app reaches into a package's sources by its name",
    rule: RESTRICTED,
    allowed: { 'apps/api/src/config.ts': "export { option } from '@plimsoll/config'\n" },
    planted: "export { option } from '@plimsoll/config/src/option.ts'\n",
  },
  {
    what: "a package reaches into another's sources by a relative path",
    rule: RESTRICTED,
    allowed: { 'packages/cache/src/options.ts': "export { join } from 'node:path'\n" },
    planted: "export { option } from '../../config/src/option.ts'\n",
  },
  {
    what: 'a stage of the balancer imports the pipeline',
    rule: RESTRICTED,
    allowed: {
      'apps/balancer/src/proxy.ts': 'export const proxy = 1\n',
      'apps/balancer/src/upstream/endpoint.ts': "export { decode } from '@plimsoll/load-report'\n",
    },
    planted: "export { proxy } from '../proxy.ts'\n",
  },
  {
    what: 'a stage of the balancer imports a package that only the API may have',
    rule: RESTRICTED,
    allowed: { 'apps/balancer/src/admission/wait-queue.ts': "export { window } from '@plimsoll/rate-limit'\n" },
    planted: "export { cache } from '@plimsoll/cache'\n",
  },
  {
    what: 'the one-command stack imports an app instead of starting it',
    rule: RESTRICTED,
    allowed: { 'deploy/local/src/stack.ts': "export { startLocalPostgres } from '@plimsoll/local-postgres'\n" },
    planted: "export { createBalancer } from '@plimsoll/balancer'\n",
  },
  {
    what: 'a test imports an app that its folder may not',
    rule: RESTRICTED,
    allowed: { 'packages/cache/test/tiers.test.ts': "export { until } from '@plimsoll/testing'\n" },
    planted: "export { app } from '@plimsoll/api'\n",
  },
  {
    what: 'the sources of a package import the test package',
    rule: RESTRICTED,
    allowed: { 'packages/http1/src/limits.ts': "export { join } from 'node:path'\n" },
    planted: "export { until } from '@plimsoll/testing'\n",
  },
  {
    what: 'a file that is not main.ts reads the environment',
    rule: 'no-process-env',
    allowed: {
      'apps/api/src/main.ts': "export const port = process.env['PORT']\n",
      'apps/api/src/database.ts': "export const url = 'postgres://127.0.0.1/x'\n",
    },
    planted: "export const url = process.env['DATABASE_URL']\n",
  },
  {
    what: 'two files import each other',
    rule: 'no-cycle',
    allowed: {
      'packages/http1/src/a.ts': "import { b } from './b.ts'\nexport const a = () => b\n",
      'packages/http1/src/b.ts': 'export const b = () => 1\n',
    },
    planted: "import { a } from './a.ts'\nexport const b = () => a\n",
  },
]

for (const { what, rule, allowed, planted } of violations) {
  await t.test(`the linter reports that ${what}`, async t => {
    const [holder = ''] = Object.keys(allowed).slice(-1)
    const before = await lint(t, allowed)
    t.equal(before.exitCode, 0, `it passes without: ${before.output}`)
    const after = await lint(t, { ...allowed, [holder]: planted })
    t.equal(after.exitCode, 1, 'it does not pass with it')
    t.ok(after.output.includes(`(${rule})`), 'for this reason')
    t.ok(after.output.includes(holder), 'in this file')
  })
}

/** Lints these files in a folder of their own under the project's configuration. */
async function lint(t: Test, files: Files): Promise<{ exitCode: number; output: string }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-imports-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  copyFileSync(path.join(checkout, '.oxlintrc.json'), path.join(folder, '.oxlintrc.json'))
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, name)
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  const oxlint = path.join(checkout, 'node_modules/oxlint/bin/oxlint')
  const [file = '', ...args] = plainly(process.execPath, oxlint, '--deny-warnings', '.')
  return new Promise(resolve => {
    execFile(file, args, { cwd: folder }, (error, stdout, stderr) => {
      resolve({ exitCode: error ? Number(error.code) : 0, output: `${stdout}${stderr}` })
    })
  })
}
