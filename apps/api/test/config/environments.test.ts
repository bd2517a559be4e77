// The README's table of what an environment decides, against the code: by its rules where they're all there is, else by what the application does.
import t from 'tap'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { loadConfig } from '@plimsoll/config'
import type { TestScope } from '@plimsoll/testing'
import { clusterProgram } from '../../src/config/config.ts'
import { ENVIRONMENTS } from '../../src/config/environments.ts'
import { emptyDatabase } from '../../src/database/reset.ts'
import { cacheControlOf } from '../../src/http/cache-control.ts'
import type { Environment } from '../../src/plugins/security.ts'
import { NO_DATABASE, testApp } from '../fixture/test-app.ts'

type Cell = readonly [title: string, value: string]

const readme = readFileSync(path.join(import.meta.dirname, '../../README.md'), 'utf8')
const LOCAL = 'http://localhost:5173'
const DAY_S = 86_400
/** What production has to be given, as far as secrets go. */
const SECRETS = {
  DATABASE_URL: 'postgres://nobody:Qm4-tRx7_w2K@127.0.0.1:1/nowhere',
  API_TOKEN_KEYS: JSON.stringify({ sign: 'k1', keys: { k1: randomBytes(32).toString('base64url') } }),
}

await t.test('the README says what each environment decides', async t => {
  const header = ['what it decides', ...Object.keys(ENVIRONMENTS)]
  const columns = await Promise.all((Object.keys(ENVIRONMENTS) as Environment[]).map(name => column(t, name)))
  const titles = columns[0]?.map(([title]) => title) ?? []
  const rows = titles.map((title, row) => [title, ...columns.map(cells => cells[row]?.[1] ?? '')])
  t.same(tableBelow('## Environments'), [header, ...rows])
})

async function column(t: TestScope, environment: Environment): Promise<readonly Cell[]> {
  const { logLevel, minConnections, maxConnections, slowQueryMs } = ENVIRONMENTS[environment]
  const asked = await answers(t, environment)
  return [
    ['log level, `LOG_LEVEL`', logLevel],
    ['connections of a worker by route, `DB_*_CONNECTIONS`', `${minConnections} to ${maxConnections}`],
    ['a statement is slow from, `DB_SLOW_QUERY_MS`', `${slowQueryMs} ms`],
    [
      'origins whose pages may read answers (CORS)',
      `\`API_CORS_ORIGINS\`${asked.letsLocalIn ? ', and any on this machine' : ''}${isValid(environment, { API_CORS_ORIGINS: 'http://a.example' }) ? '' : ', https only'}`,
    ],
    ['HSTS over TLS', asked.hsts],
    ['page at `/documentation`', asked.page ? 'shown' : 'none'],
    ['limits per address', asked.limited ? 'for everybody' : 'not for this machine'],
    ['addresses of operators, without `API_OPERATOR_TOKEN`', asked.letsOperatorIn ? 'open to this machine' : 'closed'],
    [
      'networks in `API_TRUSTED_PROXIES`',
      isValid(environment, { API_TRUSTED_PROXIES: '0.0.0.0/0' }) ? 'any' : 'none wider than 10.0.0.0/8, fc00::/7',
    ],
    [
      'known or short secrets, or no signing keys',
      isValid(environment, { DATABASE_URL: 'postgres://plimsoll:secret@127.0.0.1:1/nowhere' }) &&
      isValid(environment, { API_TOKEN_KEYS: '' })
        ? 'allowed'
        : 'refused',
    ],
    ['`--inspect-port`', isValid(environment, {}, ['--inspect-port', '9229']) ? 'allowed' : 'refused'],
    ['documents and pictures may be kept for', keptFor(environment)],
    ['public data may be kept, by browsers and on the way', dataKept(environment)],
    ['`npm run db:reset`', (await isResetRefused(environment)) ? 'refused' : 'empties the database'],
  ]
}

/** What the application does in this environment, asked from this machine. */
async function answers(t: TestScope, environment: Environment) {
  const { app } = await testApp(t, NO_DATABASE, { app: { environment, trustedProxies: ['127.0.0.1'] } })
  const { headers } = await app.inject({
    url: '/health/live',
    headers: { origin: LOCAL, 'x-forwarded-proto': 'https' },
  })
  let limited = 0
  for (let count = 0; count < 31; count += 1)
    if ((await app.inject({ url: '/health/detailed' })).statusCode === 429) limited += 1
  const seconds = /^max-age=(\d+); includeSubDomains$/.exec(String(headers['strict-transport-security']))?.[1]
  return {
    letsLocalIn: headers['access-control-allow-origin'] === LOCAL,
    hsts: seconds === undefined ? 'none' : inWords(Number(seconds)),
    page: (await app.inject({ url: '/documentation' })).statusCode === 200,
    limited: limited > 0,
    letsOperatorIn: ![401, 403].includes(
      (await app.inject({ method: 'POST', url: '/performance/cache/clear', payload: {} })).statusCode,
    ),
  }
}

function isValid(environment: Environment, env: Record<string, string>, argv: string[] = []): boolean {
  try {
    loadConfig(clusterProgram, { env: { ...SECRETS, NODE_ENV: environment, ...env }, argv })
    return true
  } catch {
    return false
  }
}

function keptFor(environment: Environment): string {
  const field = cacheControlOf('static', environment)(Number.POSITIVE_INFINITY)
  return inWords(Number(/max-age=(\d+)/.exec(field)?.[1]))
}

function dataKept(environment: Environment): string {
  const shared = /s-maxage=(\d+)/.exec(cacheControlOf('courses', environment)(900_000))?.[1]
  if (shared === undefined) return 'only when asked for again each time'
  return shared === '60' ? 'for a minute' : shared === '900' ? 'as long as they stay fresh here' : `${shared} s`
}

async function isResetRefused(environment: Environment): Promise<boolean> {
  const noSql = () => {
    throw new Error('it was let through')
  }
  try {
    await emptyDatabase(noSql as never, environment)
  } catch (error) {
    return (error as { code?: string }).code === 'API_ERR_RESET_REFUSED'
  }
  return false
}

function inWords(seconds: number): string {
  const [count, unit] = seconds < DAY_S ? [seconds / 3600, 'hour'] : [seconds / DAY_S, 'day']
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}

function tableBelow(heading: string): readonly (readonly string[])[] {
  const section = readme.slice(readme.indexOf(`${heading}\n`))
  const lines = section.slice(section.indexOf('\n|') + 1, section.indexOf('\n\n', section.indexOf('\n|'))).split('\n')
  const cells = lines.map(line =>
    line
      .split('|')
      .slice(1, -1)
      .map(cell => cell.trim()),
  )
  return cells.filter((_, row) => row !== 1)
}
