// Where the objects that are alive were allocated: the answer to "what leaks", asked for when the detector has called a leak, never in the hot path.
//
// Heap snapshots would tell who retains, but stop the process for seconds and take several times its heap. What sampling costs, and why it's one at a time, is in
// heap-sampler.ts.
import { setTimeout as sleep } from 'node:timers/promises'
import { createHeapSampler, type HeapSampler, type SampledHeap } from '../heap-sampler.ts'

/** Allocations by one function of the program's. */
export interface AllocationSite {
  /** The function that allocated, or that called what did in the runtime; empty for a function without a name. */
  readonly functionName: string
  /** URL or path of the script; empty for the runtime itself. */
  readonly url: string
  /** Where that function begins, from 1; 0 for the runtime itself. */
  readonly line: number
  readonly column: number
  /** Estimated bytes of objects allocated there that were alive at the end. */
  readonly bytes: number
}

export interface AllocationProfile {
  /** By bytes, largest first. */
  readonly sites: readonly AllocationSite[]
  /** Of all sites, also those left off. */
  readonly totalBytes: number
  readonly durationMs: number
}

export interface AllocationSamplingOptions {
  /** How long to watch, in milliseconds, 1 to 600,000. Default 30,000. */
  readonly durationMs?: number
  /** The mean number of bytes between two samples; less is finer and slower; at least 1024. Default 32,768. */
  readonly samplingIntervalBytes?: number
  /** How many sites to tell, at least 1. Default 20. */
  readonly maxSites?: number
  /** Ends it early; the profile up to then is given. */
  readonly signal?: AbortSignal
}

/** Gives profiles, one after the other. */
export interface AllocationSampler {
  /**
   * Watches allocations for a while and tells where those that are still alive were made.
   * @throws RangeError for options out of range. MEMORY_ERR_PROFILE when somebody else, with another sampler, has ended it. The inspector's error where it can't be
   * used (built without, or not permitted).
   */
  sample(options?: AllocationSamplingOptions): Promise<AllocationProfile>
}

/** `sampler`: the one that all of this process share. Default: an own one, which is right where nobody else samples. */
export function createAllocationSampler(sampler: HeapSampler = createHeapSampler()): AllocationSampler {
  return {
    async sample(options = {}) {
      const { durationMs = 30_000, samplingIntervalBytes = 32_768, maxSites = 20, signal } = options
      refuseUnless(durationMs >= 1 && durationMs <= 600_000, 'durationMs', durationMs, '1 to 600,000 ms')
      refuseUnless(samplingIntervalBytes >= 1024, 'samplingIntervalBytes', samplingIntervalBytes, 'at least 1024')
      refuseUnless(maxSites >= 1, 'maxSites', maxSites, 'at least 1')
      let startedMs = Number.NaN
      const { head } = await sampler.during(samplingIntervalBytes, async () => {
        startedMs = performance.now()
        // An abort is a way to end, not a failure.
        await sleep(durationMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined)
      })
      const sites = sitesOf(head)
      return {
        sites: sites.slice(0, maxSites),
        totalBytes: sites.reduce((sum, site) => sum + site.bytes, 0),
        durationMs: performance.now() - startedMs,
      }
    },
  }
}

/** What was gained from one profile to another, by site, largest gain first; sites that gained nothing are left off. */
export function compareAllocationProfiles(
  before: AllocationProfile,
  after: AllocationProfile,
): readonly AllocationSite[] {
  const bytesBefore = new Map(before.sites.map(site => [keyOf(site), site.bytes]))
  return after.sites
    .map(site => ({ ...site, bytes: site.bytes - (bytesBefore.get(keyOf(site)) ?? 0) }))
    .filter(site => site.bytes > 0)
    .toSorted((a, b) => b.bytes - a.bytes)
}

function sitesOf(head: SampledHeap['head']): AllocationSite[] {
  const sites = new Map<string, AllocationSite>()
  // The tree is as deep as the stacks were: walked with a list, not by recursion.
  const open = [{ node: head, caller: head.callFrame }]
  for (let visit = open.pop(); visit !== undefined; visit = open.pop()) {
    const { node, caller } = visit
    // What Array.from or JSON.parse allocates is told of the line that called it.
    const frame = isOwnCode(node.callFrame.url) || !isOwnCode(caller.url) ? node.callFrame : caller
    for (const child of node.children) open.push({ node: child, caller: frame })
    if (node.selfSize === 0) continue
    const { functionName, url, lineNumber, columnNumber } = frame
    const site = { functionName, url, line: lineNumber + 1, column: columnNumber + 1, bytes: node.selfSize }
    const known = sites.get(keyOf(site))
    sites.set(keyOf(site), known === undefined ? site : { ...known, bytes: known.bytes + site.bytes })
  }
  return [...sites.values()].toSorted((a, b) => b.bytes - a.bytes)
}

/** Not the language's built-ins, nor Node's own modules. */
function isOwnCode(url: string): boolean {
  return url !== '' && !url.startsWith('node:')
}

function keyOf(site: AllocationSite): string {
  return `${site.url}:${site.line}:${site.column}:${site.functionName}`
}

function refuseUnless(holds: boolean, name: string, value: number, wanted: string): void {
  if (!holds) throw new RangeError(`The allocation sampler's ${name} is ${value}: give ${wanted}.`)
}
