// What the system lets this process have, and whether the options ask for more.
//
// Linux says it below /proc; elsewhere nothing is known, nothing is warned of, and running out shows as EMFILE.
import { readdirSync, readFileSync } from 'node:fs'

/** Null where the system doesn't say. */
export interface SystemLimits {
  /** File descriptors that the process may have at once (ulimit -n). */
  readonly openFiles: number | null
  /** Descriptors that it has now. */
  readonly openNow: number | null
  /** Longest queue of connections that wait to be accepted (net.core.somaxconn). */
  readonly somaxconn: number | null
}

/** What the options ask for. */
export interface WantedLimits {
  /** 0: no limit. */
  readonly maxConnections: number
  readonly backlog: number
}

export interface LimitWarning {
  readonly code: 'LB_WARN_OPEN_FILES' | 'LB_WARN_BACKLOG'
  /** What's too low, and what to do. */
  readonly message: string
}

/** Descriptors for everything but connections: libraries, logs, watches, the admin port. */
const OTHER_DESCRIPTORS = 64

export function readSystemLimits(): SystemLimits {
  return {
    openFiles: attempt(() => parseOpenFiles(readFileSync('/proc/self/limits', 'utf8'))),
    openNow: attempt(() => readdirSync('/proc/self/fd').length),
    somaxconn: attempt(() => wholeNumber(readFileSync('/proc/sys/net/core/somaxconn', 'utf8').trim())),
  }
}

/** The soft limit in the text of /proc/self/limits; Infinity for `unlimited`, null if the line isn't there. */
export function parseOpenFiles(text: string): number | null {
  const soft = /^Max open files\s+(\S+)/m.exec(text)?.[1]
  if (soft === undefined) return null
  return soft === 'unlimited' ? Infinity : wholeNumber(soft)
}

/** A warning for each limit that's too low for the options. */
export function limitWarnings({ openFiles, somaxconn }: SystemLimits, wanted: WantedLimits): LimitWarning[] {
  const warnings: LimitWarning[] = []
  const needed = 2 * wanted.maxConnections + OTHER_DESCRIPTORS
  if (openFiles !== null && openFiles < needed) {
    const enough = Math.max(0, Math.floor((openFiles - OTHER_DESCRIPTORS) / 2))
    warnings.push({
      code: 'LB_WARN_OPEN_FILES',
      message: `limits.maxConnections is ${wanted.maxConnections}, which takes up to ${needed} file descriptors, but the process may have ${openFiles}. Raise ulimit -n (LimitNOFILE= in systemd, ulimits in a container) to ${needed}, or set limits.maxConnections to ${enough}.`,
    })
  }
  if (somaxconn !== null && somaxconn < wanted.backlog) {
    warnings.push({
      code: 'LB_WARN_BACKLOG',
      message: `limits.backlog is ${wanted.backlog}, but the kernel caps it at net.core.somaxconn, which is ${somaxconn}. Run sysctl -w net.core.somaxconn=${wanted.backlog}, or lower limits.backlog.`,
    })
  }
  return warnings
}

/**
 * How many connections, of clients and to endpoints together, fit into the process; Infinity if that isn't known. A few descriptors
 * stay free: for a log that's opened, a check, an operator who looks what's wrong.
 */
export function connectionRoom({ openFiles, openNow }: SystemLimits): number {
  if (openFiles === null || openNow === null) return Infinity
  const room = Math.max(0, openFiles - openNow)
  return room - Math.min(64, Math.max(4, Math.floor(room / 10)))
}

function wholeNumber(text: string): number | null {
  return /^\d+$/.test(text) ? Number(text) : null
}

function attempt<T>(read: () => T): T | null {
  try {
    return read()
  } catch {
    return null
  }
}
