// V8's sampling heap profiler, one user after the other.
//
// It notes the stack of one allocation in so many bytes and forgets those that are collected; its stop collects first. What's left was allocated while it ran and is
// still alive. Cheap enough for a process under pressure (1-3 % while it runs, one full collection at its end); memory in proportion to what stays alive.
//
// There is one per process, whichever inspector session it was asked for through: a second start is ignored, and the first stop ends it for all. So those who use it
// share one `HeapSampler`, which lets them wait for each other. That somebody else has ended it (another sampler, --heap-prof) shows when its result is missing.
import { Session, type HeapProfiler } from 'node:inspector/promises'
import { MemoryError } from './errors.ts'

/** The tree of stacks, each with what it allocated: the form of a `.heapprofile` file. */
export type SampledHeap = HeapProfiler.SamplingHeapProfile

/** Make one per process, and hand it to all that sample. */
export interface HeapSampler {
  /**
   * Waits for its turn, samples one allocation in `samplingIntervalBytes` bytes while `work` goes on, and gives what of it is alive. Rejects as `work` does.
   * Waiting keeps no process alive.
   * @throws MEMORY_ERR_PROFILE when the sampling was ended by somebody else. The inspector's error where it can't be used (built without, or not permitted).
   */
  during(samplingIntervalBytes: number, work: () => Promise<unknown>): Promise<SampledHeap>
}

export function createHeapSampler(): HeapSampler {
  let last: Promise<unknown> = Promise.resolve()
  return {
    during(samplingIntervalBytes, work) {
      const sampled = last.then(() => sampleDuring(samplingIntervalBytes, work))
      last = sampled.catch(() => undefined)
      return sampled
    },
  }
}

async function sampleDuring(samplingInterval: number, work: () => Promise<unknown>): Promise<SampledHeap> {
  const session = new Session()
  session.connect()
  try {
    await session.post('HeapProfiler.startSampling', { samplingInterval })
    await work()
    return await stopSampling(session)
  } finally {
    session.disconnect()
  }
}

async function stopSampling(session: Session): Promise<SampledHeap> {
  try {
    const { profile } = await session.post('HeapProfiler.stopSampling')
    return profile
  } catch (cause) {
    throw new MemoryError(
      'MEMORY_ERR_PROFILE',
      'Somebody else has ended the sampling of the heap, which V8 has one of per process: share one createHeapSampler() among all that use it.',
      cause,
    )
  }
}
