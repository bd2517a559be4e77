// What a flood of wrong passwords does to those who read: nothing, or next to it.
import { parseArgs } from 'node:util'
import { startTemporaryPostgres } from '@plimsoll/testing'
import type { FloodSettings } from '../sign-in-flood/flood.ts'
import { number } from '../report.ts'
import { type Variant, VARIANTS } from '../sign-in-flood/variants.ts'
import type { BenchIo, Suite } from '../suite.ts'

const FULL: FloodSettings = {
  demo: 'small',
  workers: 2,
  rounds: 8,
  windowMs: 4000,
  readsPerSecond: 150,
  loginsPerSecond: 500,
  readers: 300,
  attackers: 100,
  floodConnections: 500,
  accounts: 25,
}
const QUICK: FloodSettings = {
  ...FULL,
  rounds: 1,
  windowMs: 300,
  readsPerSecond: 50,
  loginsPerSecond: 100,
  readers: 20,
  attackers: 40,
  floodConnections: 80,
  accounts: 2,
}
/** The bench and the service share this machine; and it's a test, no weapon. */
const MOST = { rounds: 50, rate: 2000 } as const

export const suite: Suite = {
  name: 'sign-in-flood',
  summary: "500 wrong logins a second beside readers: the readers' p99 with the flood by that without it",
  options: [
    `--rounds N  Pairs of windows of ${FULL.windowMs / 1000} s, without the flood and with it; at most ${MOST.rounds}. Default: ${FULL.rounds}`,
    `--rate N    Wrong logins per second, at most ${number(MOST.rate)}. Default: ${FULL.loginsPerSecond}`,
    '--only NAME One of: one address, many addresses, no limits. Default: all',
    '--quick     One short pair: shows that it works',
  ].join('\n'),
  run,
}

async function run(io: BenchIo): Promise<void> {
  const { only, ...settings } = readSettings(io.args)
  // Loaded here, so that listing the suites takes no time.
  const { measureVariant } = await import('../sign-in-flood/flood.ts')
  const { judgeFlood } = await import('../sign-in-flood/judgement.ts')
  const { renderFlood } = await import('../sign-in-flood/table.ts')
  const { giveAccounts } = await import('../field-reports/accounts.ts')
  const { runDatabaseCommand } = await import('../field-reports/databases.ts')
  const { readDemoFacts } = await import('../field-reports/demo-facts.ts')
  const database = await startTemporaryPostgres({ signal: io.signal })
  try {
    const { url } = database.server
    const silent = { ...io, write: () => {} }
    await runDatabaseCommand(silent, url, ['migrate'])
    await runDatabaseCommand(silent, url, ['seed', '--size', settings.demo])
    const accounts = await giveAccounts(url, settings.accounts + 1)
    const facts = await readDemoFacts(url)
    const variants = []
    for (const variant of only) {
      const rounds = await measureVariant(io, url, facts, accounts, variant, settings)
      // The flood tries as many addresses that nobody has.
      const judged = judgeFlood(variant, settings.accounts * 2, rounds)
      variants.push({ name: variant.name, rounds: rounds.length, ...judged, figures: rounds.map(withoutLatencies) })
    }
    const { workers, readers, readsPerSecond, attackers, loginsPerSecond, accounts: tried } = settings
    io.write(
      `\n  ${workers} workers; ${number(readsPerSecond)} reads/s from ${readers} addresses, and in every second window ${number(loginsPerSecond)} wrong logins/s from one other or ${attackers},` +
        `\n  at ${tried} accounts and as many that nobody has\n\n${renderFlood(variants)}`,
    )
    io.write(`\n${io.save({ settings, variants })}\n`)
  } finally {
    await database.stop()
  }
}

/** Tens of thousands of latencies are nobody's reading. */
function withoutLatencies(round: object): unknown {
  return JSON.parse(JSON.stringify(round, (key, value: unknown) => (key === 'latenciesMs' ? undefined : value)))
}

interface Settings extends FloodSettings {
  readonly only: readonly Variant[]
}

function readSettings(args: readonly string[]): Settings {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string' },
      rate: { type: 'string' },
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
    },
  })
  const basis = values.quick ? QUICK : FULL
  return {
    ...basis,
    only: chosenVariants(values.only),
    ...(values.rounds === undefined ? {} : { rounds: whole('--rounds', values.rounds, MOST.rounds) }),
    ...(values.rate === undefined ? {} : { loginsPerSecond: whole('--rate', values.rate, MOST.rate) }),
  }
}

function chosenVariants(name: string | undefined): readonly Variant[] {
  if (name === undefined) return VARIANTS
  const found = VARIANTS.filter(variant => variant.name === name)
  if (found.length > 0) return found
  throw new Error(`--only: there is no "${name}"; there are: ${VARIANTS.map(({ name }) => name).join(', ')}`)
}

function whole(flag: string, text: string, most: number): number {
  const value = Number(text)
  if (!(Number.isInteger(value) && value > 0 && value <= most))
    throw new Error(`${flag} has to be a whole number from 1 to ${most}, not "${text}"`)
  return value
}
