// How full the limited groups are, and whether the kernel makes tasks wait for memory: read in the thread pool, because memory.stat can take the kernel milliseconds on
// a machine with many groups. A sample uses the last answer; an answer that has grown old counts as none.
import { readFile } from 'node:fs/promises'
import type { Clock } from '../timers.ts'
import { findMemoryGroups, type ReadText } from './cgroup-groups.ts'
import {
  type LimitedGroup,
  type MemoryLimit,
  parseGroupUse,
  readMemoryLimit,
  readTextFile,
  USAGE_FILES,
} from './memory-limit.ts'
import { parseMemoryStall } from './pressure-stall.ts'

/** One look at the container; NaN for what isn't there to read. */
export interface ContainerUse {
  /** Of the fullest limited group: bytes in use that can't be taken back at once. */
  readonly useBytes: number
  /** That group's use by its limit, 0-1. */
  readonly ratio: number
  /** Percent of 10 s in which some, or all, tasks waited for memory. */
  readonly stallSomePercent: number
  readonly stallFullPercent: number
  /** Whether these two are the group's own: the machine's tell of others too. */
  readonly isStallOwn: boolean
}

export interface ContainerGauge {
  /** The limit that holds; read again each minute, since orchestrators change it in place. */
  readonly limit: MemoryLimit
  /** The latest use, at most 15 s old. Starts the next reading unless one is under way. */
  read(): ContainerUse
}

export interface ContainerGaugeOptions {
  readonly clock: Clock
  /** Default: reads the file system. */
  readonly readText?: ReadText
  /** Default: reads the file system in the thread pool. */
  readonly readTextAsync?: (path: string) => Promise<string | undefined>
  /** Default: `readMemoryLimit`, again each minute. */
  readonly readLimit?: () => MemoryLimit
}

const LIMIT_AGE_MS = 60_000
const USE_AGE_MS = 15_000
const UNKNOWN: ContainerUse = {
  useBytes: Number.NaN,
  ratio: Number.NaN,
  stallSomePercent: Number.NaN,
  stallFullPercent: Number.NaN,
  isStallOwn: false,
}

export function openContainerGauge(options: ContainerGaugeOptions): ContainerGauge {
  const { clock, readText = readTextFile, readTextAsync = readTextFileAsync } = options
  const { readLimit = (): MemoryLimit => readMemoryLimit({ readText }) } = options
  let limit = readLimit()
  let limitReadAtMs = clock.now()
  const stall = findStallFile(readText)
  // The first answer is there before the first sample.
  let latest = combine(
    limit.groups,
    limit.groups.map(group => useNow(group, readText)),
    stall,
    read(stall, readText),
  )
  let latestAtMs = limitReadAtMs
  let isReading = false

  const refresh = async (): Promise<void> => {
    const { groups } = limit
    const uses = await Promise.all(
      groups.map(async group => {
        const [usage, stat] = await Promise.all([
          readTextAsync(`${group.folder}/${USAGE_FILES[group.version]}`),
          readTextAsync(`${group.folder}/memory.stat`),
        ])
        return parseGroupUse(group.version, usage, stat)
      }),
    )
    const stallText = stall === undefined ? undefined : await readTextAsync(stall.path)
    latest = combine(groups, uses, stall, stallText)
    latestAtMs = clock.now()
  }

  return {
    get limit() {
      return limit
    },
    read() {
      const nowMs = clock.now()
      if (nowMs - limitReadAtMs >= LIMIT_AGE_MS) {
        limit = readLimit()
        limitReadAtMs = nowMs
      }
      if (!isReading && (limit.groups.length > 0 || stall !== undefined)) {
        isReading = true
        // A reading that fails leaves the last answer to grow old.
        void refresh().then(
          () => (isReading = false),
          () => (isReading = false),
        )
      }
      return nowMs - latestAtMs <= USE_AGE_MS ? latest : UNKNOWN
    },
  }
}

interface StallFile {
  readonly path: string
  readonly isOwn: boolean
}

/** The own group's file where there is one (version 2), else the machine's. */
function findStallFile(readText: ReadText): StallFile | undefined {
  const own = findMemoryGroups(readText).find(group => group.version === 2)
  for (const [path, isOwn] of [
    [`${own?.folder ?? ''}/memory.pressure`, true],
    ['/proc/pressure/memory', false],
  ] as const) {
    if (!Number.isNaN(parseMemoryStall(readText(path)).somePercent)) return { path, isOwn }
  }
  return undefined
}

function combine(
  groups: readonly LimitedGroup[],
  uses: readonly number[],
  stall: StallFile | undefined,
  stallText: string | undefined,
): ContainerUse {
  const { somePercent, fullPercent } = parseMemoryStall(stallText)
  let useBytes = Number.NaN
  let ratio = Number.NaN
  for (const [index, group] of groups.entries()) {
    const bytes = uses[index] ?? Number.NaN
    if (bytes / group.limitBytes <= ratio || Number.isNaN(bytes)) continue
    useBytes = bytes
    ratio = bytes / group.limitBytes
  }
  return {
    useBytes,
    ratio,
    stallSomePercent: somePercent,
    stallFullPercent: fullPercent,
    isStallOwn: stall?.isOwn ?? false,
  }
}

function useNow(group: LimitedGroup, readText: ReadText): number {
  return parseGroupUse(
    group.version,
    readText(`${group.folder}/${USAGE_FILES[group.version]}`),
    readText(`${group.folder}/memory.stat`),
  )
}

function read(stall: StallFile | undefined, readText: ReadText): string | undefined {
  return stall === undefined ? undefined : readText(stall.path)
}

async function readTextFileAsync(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'latin1')
  } catch {
    return undefined
  }
}
