// What figures were measured on: without it they can't be compared with anything.
import { execFileSync } from 'node:child_process'
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'

export interface MachineFacts {
  readonly cpu: string
  /** Cores that this process may use. */
  readonly cores: number
  readonly memoryGib: number
  readonly system: string
  readonly node: string
  /** Short hash; ends in "+changes" when tracked files differ from it, and is "unknown" outside a repository. */
  readonly commit: string
  /** Mean number of running processes over the last minute, before the measurement: above a few tenths, something else was running. */
  readonly load1m: number
}

export function machineFacts(checkout: string): MachineFacts {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / 1024 ** 3),
    system: `${type()} ${release()}`,
    node: process.version,
    commit: commitOf(checkout),
    load1m: loadavg()[0] ?? 0,
  }
}

/** One line. */
export function describeMachine(facts: MachineFacts): string {
  return `${facts.cpu}, ${facts.cores} cores, ${facts.memoryGib} GiB, ${facts.system}, Node ${facts.node}, commit ${facts.commit}, load ${facts.load1m.toFixed(2)}`
}

function commitOf(checkout: string): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: checkout, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  try {
    const changes = git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '+changes'
    return `${git('rev-parse', '--short', 'HEAD')}${changes}`
  } catch {
    return 'unknown'
  }
}
