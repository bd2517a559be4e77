// `npm start`, `npm run dev`, `npm run doctor`: the whole stack on one machine.
//
// Exit codes: 0 stopped in order, 1 couldn't start or a part broke; then nothing is left running.
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { loadConfig } from '@plimsoll/config'
import { localProgram } from './config.ts'
import { defaultDataFolder } from './data-folder.ts'
import { examine, renderFindings } from './doctor.ts'
import { watchSources } from './source-watch.ts'
import { Stack, type StackSurroundings } from './stack.ts'

const checkout = path.resolve(import.meta.dirname, '../../..')
const uid = process.getuid?.() ?? 0

async function run(): Promise<void> {
  const [first, ...rest] = process.argv.slice(2)
  const command = first === 'dev' || first === 'doctor' ? first : 'start'
  const loaded = loadConfig(localProgram, {
    env: process.env,
    argv: command === 'start' ? process.argv.slice(2) : rest,
  })
  if (loaded.kind === 'help') {
    process.stdout.write(loaded.text)
    return
  }
  const { config } = loaded
  const dataFolder = config.data ?? defaultDataFolder(checkout, uid === 0)
  if (command === 'doctor') {
    const findings = await examine(config, { checkout, dataFolder, env: process.env, versions: process.versions })
    process.stdout.write(renderFindings(findings))
    process.exitCode = findings.some(finding => finding.verdict === 'broken') ? 1 : 0
    return
  }
  if (loaded.kind === 'check') {
    process.stdout.write('The configuration is valid.\n')
    return
  }

  const surroundings: StackSurroundings = {
    checkout,
    nodePath: process.execPath,
    temporary: tmpdir(),
    uid,
    cores: availableParallelism(),
    env: process.env,
    terminal: {
      write: text => process.stdout.write(text),
      isTty: process.stdout.isTTY ?? false,
      now: () => performance.now(),
    },
    defaultDataFolder: dataFolder,
    onBroken: description => end(1, description),
  }
  const stack = new Stack(config, command, surroundings)
  let ending = false
  let restarting: Promise<void> | null = null

  const end = (exitCode: number, message?: string) => {
    if (ending) return
    ending = true
    if (message) process.stderr.write(`\nplimsoll: ${message}\n`)
    else process.stdout.write('\n  Stopping: requests under way are finished first …\n')
    void (async () => {
      await restarting
      const inOrder = await stack.stop()
      process.exit(exitCode === 0 && !inOrder ? 1 : exitCode)
    })()
  }
  // SIGHUP is what a closing terminal sends.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => end(0))

  try {
    await stack.start()
  } catch (error) {
    end(1, (error as Error).message)
    return
  }
  if (command !== 'dev') return
  watchSources(checkout, changed => {
    if (ending || restarting) return
    restarting = restart(changed)
  })

  async function restart(changed: string): Promise<void> {
    process.stdout.write(`\n  ${changed} changed: restarting …\n`)
    try {
      await stack.restartPrograms()
    } catch (error) {
      process.stderr.write(`\nplimsoll: ${(error as Error).message}\n  Waiting for the next change …\n`)
    } finally {
      restarting = null
    }
  }
}

run().catch((error: unknown) => {
  process.stderr.write(`plimsoll: ${(error as Error).message}\n`)
  process.exitCode = 1
})
