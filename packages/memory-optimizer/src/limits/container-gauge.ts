// How full the limited groups are, and whether the kernel makes tasks wait for memory: read in the thread pool, because memory.stat can take the kernel milliseconds on
// a machine with many groups. A sample uses the last answer. Who asks so rarely that it has grown old meanwhile gets a new one at once: milliseconds don't matter then.
import { readFile } from 'node:fs/promises'
import type { Clock } from '../timers.ts'
import { findMemoryGroups, type ReadText } from './cgroup-groups.ts'
import {
  type GroupUse,
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
  /** The same of what's held, page cache and slabs aside, of the group where it's highest: at 1 the kernel has nothing left to take back, and kills. */
  readonly heldRatio: number
  /** Percent of 10 s in which some, or all, tasks waited for memory. */
  readonly stallSomePercent: number
  readonly stallFullPercent: number
  /** Whether these two are the group's own: the machine's tell of others too. */
  readonly isStallOwn: boolean
}

export interface ContainerGauge {
  /** The limit that holds; read again each minute, since orchestrators change it in place. */
  readonly limit: MemoryLimit
  /** The latest use, at most 15 s old; nothing known while a reading takes longer than that. Starts the next one, or reads at once when the last is too old. */
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
  heldRatio: Number.NaN,
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
  const lookNow = (): ContainerUse =>
    combine(
      limit.groups,
      limit.groups.map(group => useNow(group, readText)),
      stall,
      read(stall, readText),
    )
  // The first answer is there before the first sample.
  let latest = lookNow()
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
      if (!isReading && nowMs - latestAtMs > USE_AGE_MS) {
        latest = lookNow()
        latestAtMs = nowMs
      } else if (!isReading && (limit.groups.length > 0 || stall !== undefined)) {
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
  uses: readonly GroupUse[],
  stall: StallFile | undefined,
  stallText: string | undefined,
): ContainerUse {
  const { somePercent, fullPercent } = parseMemoryStall(stallText)
  let useBytes = Number.NaN
  let ratio = Number.NaN
  let heldRatio = Number.NaN
  for (const [index, { limitBytes }] of groups.entries()) {
    const use = uses[index]
    if (use === undefined || Number.isNaN(use.useBytes)) continue
    // Neither comparison holds for NaN, the first one's.
    if (!(use.heldBytes / limitBytes <= heldRatio)) heldRatio = use.heldBytes / limitBytes
    if (use.useBytes / limitBytes <= ratio) continue
    useBytes = use.useBytes
    ratio = use.useBytes / limitBytes
  }
  return {
    useBytes,
    ratio,
    heldRatio,
    stallSomePercent: somePercent,
    stallFullPercent: fullPercent,
    isStallOwn: stall?.isOwn ?? false,
  }
}

function useNow(group: LimitedGroup, readText: ReadText): GroupUse {
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
