// `npm run pack`: a tarball of every package and of the balancer, JavaScript with type declarations.
//
// Exit codes: 0 all tarballs were made, 1 none were.
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { pack } from './pack.ts'

const HELP = `npm run pack -- [options]

Makes <out>/plimsoll-<name>-<version>.tgz for each package and for the balancer: JavaScript with type declarations,
ready for npm install. Nothing is fetched.

  --out DIR     Folder for the tarballs. Default: dist
  --only NAME   This package only, for example config; may be given several times. Default: all
  --help        This text
`

async function run(): Promise<void> {
  const { values } = parseArgs({
    args: process.argv.slice(2),
    options: {
      out: { type: 'string', default: 'dist' },
      only: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const startedAtMs = performance.now()
  const out = path.resolve(values.out)
  const packed = await pack({
    checkout: path.resolve(import.meta.dirname, '../../../..'),
    out,
    only: values.only,
    node: [process.execPath],
    temporary: tmpdir(),
    onProgress: line => process.stdout.write(`  ${line}\n`),
  })
  const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1)
  process.stdout.write(`${packed.length} ${packed.length === 1 ? 'tarball' : 'tarballs'} in ${out} (${seconds} s)\n`)
}

run().catch((error: unknown) => {
  process.stderr.write(`pack: ${(error as Error).message}\n`)
  process.exitCode = 1
})
