// `npm run docs`: fills the generated parts of the documentation; with --check it only says which files differ.
//
// Exit codes: 0 everything is as generated, 1 a file differs (--check) or a part has no place.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { generate, unfilledMarkers } from './generate.ts'
import { GENERATED_PARTS } from './generated-parts.ts'
import { markdownFiles } from './readmes.ts'

const HELP = `npm run docs -- [options]

Fills what is generated in the documentation: tables of options, errors and allowed imports between their markers, and
the JSON Schema of the balancer's configuration.

  --check   Changes nothing; names the files that differ and exits with 1
  --help    This text
`

async function run(): Promise<void> {
  const { values } = parseArgs({
    args: process.argv.slice(2),
    options: { check: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const checkout = path.resolve(import.meta.dirname, '../../../..')
  const unfilled = unfilledMarkers(checkout, markdownFiles(checkout), GENERATED_PARTS)
  for (const place of unfilled) {
    process.stderr.write(
      `${place}: nothing fills these markers; add a row to deploy/release/src/docs/generated-parts.ts\n`,
    )
  }
  const files = await generate(checkout, GENERATED_PARTS)
  const problems = files.map(({ problem }) => problem).filter(problem => problem !== null)
  for (const problem of problems) process.stderr.write(`${problem}\n`)
  const differing = files.filter(({ present, wanted }) => wanted !== null && present !== wanted)
  for (const { file, wanted } of differing) {
    if (values.check) process.stderr.write(`${file} differs from what is generated; run npm run docs\n`)
    else {
      writeFileSync(path.join(checkout, file), wanted ?? '')
      process.stdout.write(`  ${file}\n`)
    }
  }
  if (unfilled.length + problems.length > 0 || (values.check && differing.length > 0)) process.exitCode = 1
  else if (differing.length === 0) process.stdout.write('The generated documentation is up to date.\n')
}

run().catch((error: unknown) => {
  process.stderr.write(`docs: ${(error as Error).message}\n`)
  process.exitCode = 1
})
