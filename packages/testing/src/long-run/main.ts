// What `npm run test:long` runs: every program `test/long/*.long.ts` of the workspace, one after the other, since each wants the machine for itself.
//
// A program succeeds by exit code 0. Words given after `--` choose programs by a part of their path. Exit code: 0 if all succeeded, else 1.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { glob } from 'node:fs/promises'
import { performance } from 'node:perf_hooks'

/** A program that hangs is ended, so that the rest still runs. */
const TIMEOUT_MS = 15 * 60_000
/** Of tap, for what a program doesn't limit itself; its own 30 s are for short tests on an idle machine. */
const TAP_TIMEOUT_S = 180

const wanted = process.argv.slice(2)
const found = await Array.fromAsync(
  glob('{apps,packages,bench,deploy}/**/test/long/*.long.ts', { exclude: name => name.includes('node_modules') }),
)
const programs = found.toSorted().filter(file => wanted.length === 0 || wanted.some(part => file.includes(part)))
let failed = 0
for (const [index, program] of programs.entries()) {
  process.stdout.write(`\n── ${index + 1} of ${programs.length}: ${program}\n`)
  const startedAtMs = performance.now()
  const child = spawn(process.execPath, ['--expose-gc', program], {
    stdio: 'inherit',
    env: { TAP_TIMEOUT: String(TAP_TIMEOUT_S), ...process.env },
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  })
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(0)
  if (code !== 0) failed++
  process.stdout.write(
    `── ${code === 0 ? 'passed' : `FAILED (${signal ?? `exit code ${code}`})`} after ${seconds} s: ${program}\n`,
  )
}
process.stdout.write(`\n${programs.length - failed} passed, ${failed} failed\n`)
// No program at all means that the search is broken, not that all is well.
process.exitCode = failed > 0 || programs.length === 0 ? 1 : 0
