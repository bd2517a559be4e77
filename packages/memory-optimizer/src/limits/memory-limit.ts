// How much memory this process and its neighbours may use before the kernel acts, and how much of it they use now.
//
// The smallest of these wins:
// * version 2: memory.max (beyond it the kernel kills) and memory.high (beyond it the kernel slows the group down until it's of no use), of the own group and all
//   parents that can be read;
// * version 1: memory.limit_in_bytes of the same, and hierarchical_memory_limit in memory.stat, which knows of parents that can't be read;
// * process.constrainedMemory(), which is 0, or more than there is, where there's no limit;
// * the machine's memory.
//
// Use is what the kernel compares with the limit less what it can take back at once: memory.current (usage_in_bytes) without inactive_file, the working set. Page cache
// that was read twice is in it still (active_file), and so are inodes and names (slab_reclaimable), though the kernel takes both back before it kills, at the price of
// reading them again: without them it's what's held, which nobody but the processes can give back. Each group on the way up that has a limit is looked at by itself: a
// parent can be nearly full of others' pages while the own group is nearly empty.
import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { findMemoryGroups, type MemoryGroup, type ReadText } from './cgroup-groups.ts'

/** Who sets the limit. */
export type LimitSource = 'cgroup-v2' | 'cgroup-v1' | 'constrained-memory' | 'machine'

export interface MemoryLimit {
  readonly limitBytes: number
  readonly source: LimitSource
  /** Where it stands, for a log line: a file's path, or the call. */
  readonly origin: string
  /** The machine's memory. */
  readonly totalBytes: number
  /** The groups with a limit, from the process's own upwards; empty without. */
  readonly groups: readonly LimitedGroup[]
}

/** A group with a limit of its own. */
export interface LimitedGroup extends MemoryGroup {
  readonly limitBytes: number
}

export interface MemoryLimitOptions {
  /** Default: reads the file system, synchronously. */
  readonly readText?: ReadText
  /** Default: `process.constrainedMemory()`. */
  readonly constrainedBytes?: number
  /** Default: `os.totalmem()`. */
  readonly totalBytes?: number
}

/** Reads the limit that holds for this process. About 20 small files of /proc and /sys; never throws. */
export function readMemoryLimit(options: MemoryLimitOptions = {}): MemoryLimit {
  const { readText = readTextFile, constrainedBytes = process.constrainedMemory(), totalBytes = totalmem() } = options
  let limitBytes = totalBytes
  let source: LimitSource = 'machine'
  let origin = 'os.totalmem()'
  const lower = (candidateBytes: number, from: LimitSource, where: string): boolean => {
    if (!isLimit(candidateBytes, totalBytes)) return false
    if (candidateBytes < limitBytes) {
      limitBytes = candidateBytes
      source = from
      origin = where
    }
    return true
  }
  const groups: LimitedGroup[] = []
  for (const group of findMemoryGroups(readText)) {
    const from = group.version === 2 ? 'cgroup-v2' : 'cgroup-v1'
    let ownBytes = Number.POSITIVE_INFINITY
    for (const [name, bytes] of limitsOf(group, readText)) {
      if (lower(bytes, from, `${group.folder}/${name}`)) ownBytes = Math.min(ownBytes, bytes)
    }
    if (ownBytes !== Number.POSITIVE_INFINITY) groups.push({ ...group, limitBytes: ownBytes })
  }
  // Last: where it says the same as a file, the file is the better answer to "who says so".
  lower(constrainedBytes, 'constrained-memory', 'process.constrainedMemory()')
  return { limitBytes, source, origin, totalBytes, groups }
}

/** Bytes in use by one limited group; NaN when it can't be read. */
export interface GroupUse {
  /** Without what the kernel can take back at once. */
  readonly useBytes: number
  /** Without what it can take back at all, page cache and slabs; swap aside. */
  readonly heldBytes: number
}

/** Reads the two files with a group's use. */
export function parseGroupUse(version: 1 | 2, usageText: string | undefined, statText: string | undefined): GroupUse {
  // Version 1 tells of the group's own pages under the plain names, and nothing of slabs.
  const prefix = version === 2 ? '' : 'total_'
  const bytesOf = (name: string): number => statField(statText, `${prefix}${name}`) || 0
  // The two files aren't read at the same moment.
  const useBytes = Math.max(0, parseBytes(usageText) - bytesOf('inactive_file'))
  return { useBytes, heldBytes: Math.max(0, useBytes - bytesOf('active_file') - bytesOf('slab_reclaimable')) }
}

/** The file with a group's use, by version of control groups. */
export const USAGE_FILES = { 1: 'memory.usage_in_bytes', 2: 'memory.current' } as const

/** The value of `name` in the lines of a memory.stat ("name bytes"); NaN without. */
export function statField(text: string | undefined, name: string): number {
  if (text === undefined) return Number.NaN
  const at = text.startsWith(`${name} `) ? 0 : text.indexOf(`\n${name} `) + 1
  if (at === 0 && !text.startsWith(`${name} `)) return Number.NaN
  const end = text.indexOf('\n', at)
  return parseBytes(text.slice(at + name.length + 1, end < 0 ? undefined : end))
}

/** Text of a file; undefined when it isn't there or can't be read. */
export function readTextFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}

function limitsOf(group: MemoryGroup, readText: ReadText): [name: string, bytes: number][] {
  const read = (name: string): number => parseBytes(readText(`${group.folder}/${name}`))
  if (group.version === 2) {
    return [
      ['memory.max', read('memory.max')],
      ['memory.high', read('memory.high')],
    ]
  }
  const stat = readText(`${group.folder}/memory.stat`)
  return [
    ['memory.limit_in_bytes', read('memory.limit_in_bytes')],
    ['memory.stat', statField(stat, 'hierarchical_memory_limit')],
  ]
}

/** "max" (version 2) is NaN, and so is what isn't digits alone. Version 1's "none" is a number that no machine reaches. */
function parseBytes(text: string | undefined): number {
  const digits = text?.trim()
  return digits !== undefined && /^\d+$/.test(digits) ? Number(digits) : Number.NaN
}

/** 0 and more than the machine has stand for "none"; NaN for "not said". */
function isLimit(bytes: number, totalBytes: number): boolean {
  return bytes > 0 && bytes <= totalBytes
}
