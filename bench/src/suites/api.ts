// What the API's routes take through the balancer, and what its plugins cost a worker.
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { startTemporaryPostgres, type TemporaryPostgres } from '@plimsoll/testing'
import { CONNECTIONS } from '../api/claims.ts'
import type { PluginSettings } from '../api/plugin-part.ts'
import type { RouteSettings } from '../api/route-part.ts'
import type { BenchIo, Suite } from '../suite.ts'

interface Settings {
  readonly parts: { readonly routes: boolean; readonly plugins: boolean }
  readonly routes: RouteSettings
  readonly plugins: PluginSettings
}

const FULL = {
  routes: {
    demo: 'full',
    workers: null,
    connections: CONNECTIONS,
    rounds: 3,
    keys: 600,
    coldRequests: 500,
    measureMs: 2000,
    warmupMs: 500,
  },
  plugins: {
    rounds: 3,
    turns: 15,
    turnMs: 120,
    settleMs: 15,
    warmupRequests: 30_000,
    warmupMostMs: 10_000,
    only: null,
  },
} as const
const QUICK = {
  routes: {
    demo: 'small',
    workers: 1,
    connections: 4,
    rounds: 1,
    keys: 10,
    coldRequests: 1,
    measureMs: 20,
    warmupMs: 0,
  },
  plugins: {
    rounds: 1,
    turns: 1,
    turnMs: 30,
    settleMs: 0,
    warmupRequests: 0,
    warmupMostMs: 0,
    only: ['metrics', 'http-caching'],
  },
} as const

export const suite: Suite = {
  name: 'api',
  summary: 'each GET route cold, warm and cached at 100 connections through the balancer; CPU time of each plugin',
  options: [
    '--routes     Only the routes through the balancer',
    '--plugins    Only what plugins cost a worker',
    `--rounds N   Default: ${FULL.routes.rounds} for routes; ${FULL.plugins.rounds} for plugins, each with fresh processes`,
    '--only NAMES Parts of the application, comma-separated, beside bare, a cached read and all of them. Default: every one',
    '--quick      Small data, a short round, few parts: shows that it works, not how fast it is',
  ].join('\n'),
  run,
}

async function run(io: BenchIo): Promise<void> {
  const { parts, routes, plugins } = readSettings(io.args)
  const database = await startTemporaryPostgres({ signal: io.signal })
  try {
    const figures = {
      ...(parts.routes ? { routes: await runRoutes(io, database, routes) } : {}),
      ...(parts.plugins ? { plugins: await runPlugins(io, database, plugins, !parts.routes) } : {}),
    }
    io.write(`\n${io.save(figures)}\n`)
  } finally {
    await database.stop()
  }
}

async function runRoutes(io: BenchIo, database: TemporaryPostgres, settings: RouteSettings) {
  // Loaded here, so that listing the suites takes no time.
  const { measureRoutes } = await import('../api/route-part.ts')
  const { renderRoutes } = await import('../api/route-table.ts')
  const result = await measureRoutes(io, database, settings)
  const workers = settings.workers ?? Math.max(2, availableParallelism())
  io.write(
    renderRoutes(result, `${settings.connections} connections, ${workers} ${workers === 1 ? 'worker' : 'workers'}`),
  )
  return { settings, ...result, failures: Object.fromEntries(result.failures) }
}

async function runPlugins(io: BenchIo, database: TemporaryPostgres, settings: PluginSettings, isEmpty: boolean) {
  const { measurePlugins } = await import('../api/plugin-part.ts')
  const { renderPlugins, sharesOf } = await import('../api/plugin-table.ts')
  const { url } = database.server
  if (isEmpty) await loadDemoData(io, url)
  const result = await measurePlugins(io, url, settings)
  io.write(renderPlugins(result))
  return { settings, ...result, shares: sharesOf(result.workloads[0]?.variants ?? []) }
}

async function loadDemoData(io: BenchIo, url: string): Promise<void> {
  const { runDatabaseCommand } = await import('../field-reports/databases.ts')
  io.write('  a database with the small demo data\n')
  const silent = { ...io, write: () => {} }
  await runDatabaseCommand(silent, url, ['migrate'])
  await runDatabaseCommand(silent, url, ['seed', '--size', 'small'])
}

function readSettings(args: readonly string[]): Settings {
  const { values } = parseArgs({
    args: [...args],
    options: {
      routes: { type: 'boolean', default: false },
      plugins: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
    },
  })
  const basis = values.quick ? QUICK : FULL
  const isBoth = values.routes === values.plugins
  const rounds = values.rounds === undefined ? {} : { rounds: positive('--rounds', values.rounds) }
  const only = values.only === undefined ? {} : { only: values.only.split(',').map(name => name.trim()) }
  return {
    parts: { routes: isBoth || values.routes, plugins: isBoth || values.plugins },
    routes: { ...basis.routes, ...rounds },
    plugins: { ...basis.plugins, ...rounds, ...only },
  }
}

function positive(flag: string, text: string): number {
  const value = Number(text)
  if (!(Number.isInteger(value) && value > 0))
    throw new Error(`${flag} has to be a whole number above 0, not "${text}"`)
  return value
}
