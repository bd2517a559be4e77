// The size at which V8 gives up.
//
// It isn't `heap_size_limit`: that is the limit of the old generation plus three semi-spaces, and the process dies when the old generation alone is full. With
// `--max-old-space-size=64` Node 26 says 160 MiB (Node 24: 256) and dies with 71 MiB in use, at 44 %; no threshold on that ratio is ever reached in a small container.
// V8 has no call that tells the two parts apart, so the flags are read: in `process.execArgv`, and in NODE_OPTIONS, where containers mostly set them.
import { totalmem } from 'node:os'
import { getHeapStatistics } from 'node:v8'
import { numberOption } from '../number-option.ts'

export interface HeapLimit {
  /** What the live heap is compared with: the old generation's limit, in bytes. */
  readonly oldSpaceLimitBytes: number
  /** V8's own figure, young generation included. */
  readonly heapSizeLimitBytes: number
  /** `option` and `flag` are exact, `estimate` is up to some per cent off, mostly below. */
  readonly source: 'option' | 'flag' | 'estimate'
}

export interface HeapLimitOptions {
  /** The limit itself, in bytes, for who knows it. */
  readonly oldSpaceLimitBytes?: number
  /** Default: V8's figure. */
  readonly heapSizeLimitBytes?: number
  /** Flags from the command line. Default: `process.execArgv`. */
  readonly execArgv?: readonly string[]
  /** Default: the environment's NODE_OPTIONS. */
  readonly nodeOptions?: string
  /** Node's major version, on which the default size of the semi-spaces depends. Default: this one's. */
  readonly nodeMajor?: number
  /** What `--max-old-space-size-percentage` is a share of, in bytes. Default: the machine's memory, or the constraint that Node sees. */
  readonly memoryBytes?: number
}

const MIB = 1024 * 1024
/** Without flags V8 gives a semi-space this part of the old generation, up to its maximum. */
const OLD_SPACE_TO_SEMI_SPACE = 64
const SEMI_SPACES = 3

/**
 * Reads the limit of the old generation. Flags set later by `v8.setFlagsFromString` aren't seen.
 * @throws MEMORY_ERR_OPTION when `oldSpaceLimitBytes` is under 1 MiB.
 */
export function readHeapLimit(options: HeapLimitOptions = {}): HeapLimit {
  const heapSizeLimitBytes = options.heapSizeLimitBytes ?? getHeapStatistics().heap_size_limit
  if (options.oldSpaceLimitBytes !== undefined) {
    const oldSpaceLimitBytes = numberOption('oldSpaceLimitBytes', options.oldSpaceLimitBytes, MIB)
    return { oldSpaceLimitBytes, heapSizeLimitBytes, source: 'option' }
  }
  const flags = readFlags(options.nodeOptions ?? nodeOptionsOfEnvironment(), options.execArgv ?? process.execArgv)
  const defaultSemiMib = (options.nodeMajor ?? Number.parseInt(process.versions.node, 10)) >= 26 ? 32 : 64
  const semiBytes = (flags.get('max-semi-space-size') ?? defaultSemiMib) * MIB
  const percentage = flags.get('max-old-space-size-percentage')
  // Node lets the percentage win over the size.
  if (percentage !== undefined) {
    const memoryBytes = options.memoryBytes ?? memoryThatNodeSees()
    return exact(Math.min((memoryBytes * percentage) / 100, heapSizeLimitBytes), heapSizeLimitBytes)
  }
  const sizeMib = flags.get('max-old-space-size')
  if (sizeMib !== undefined && sizeMib > 0)
    return exact(Math.min(sizeMib * MIB, heapSizeLimitBytes), heapSizeLimitBytes)
  const byRatio = heapSizeLimitBytes / (OLD_SPACE_TO_SEMI_SPACE + SEMI_SPACES)
  const youngBytes = SEMI_SPACES * (flags.has('max-semi-space-size') ? semiBytes : Math.min(semiBytes, byRatio))
  return {
    oldSpaceLimitBytes: Math.max(heapSizeLimitBytes - youngBytes, heapSizeLimitBytes / 4),
    heapSizeLimitBytes,
    source: 'estimate',
  }
}

function exact(oldSpaceLimitBytes: number, heapSizeLimitBytes: number): HeapLimit {
  return { oldSpaceLimitBytes, heapSizeLimitBytes, source: 'flag' }
}

/** The last one wins, and the command line over the environment. V8 takes `_` for `-`. */
function readFlags(nodeOptions: string, execArgv: readonly string[]): Map<string, number> {
  const flags = new Map<string, number>()
  const words = [...nodeOptions.split(/\s+/), ...execArgv]
  for (const [index, word] of words.entries()) {
    const match = /^--(max[-_](?:old|semi)[-_]space[-_]size(?:[-_]percentage)?)(?:=(.*))?$/.exec(
      word.replaceAll('"', ''),
    )
    if (match?.[1] === undefined) continue
    const value = Number.parseFloat(match[2] ?? words[index + 1] ?? '')
    if (value >= 0) flags.set(match[1].replaceAll('_', '-'), value)
  }
  return flags
}

function memoryThatNodeSees(): number {
  const constrainedBytes = process.constrainedMemory()
  const totalBytes = totalmem()
  return constrainedBytes > 0 && constrainedBytes < totalBytes ? constrainedBytes : totalBytes
}

function nodeOptionsOfEnvironment(): string {
  // oxlint-disable-next-line node/no-process-env -- Not configuration of ours: it's where V8 has its limit from, and nothing else tells it. A wrong limit would go unnoticed.
  return process.env['NODE_OPTIONS'] ?? ''
}
