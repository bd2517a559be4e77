// Node's flags for one process: the heap plan's, where nothing else says how large the heap is, and then the program's own.
import type { HeapPlan } from './heap-plan.ts'
import type { WorkerProgram } from './worker-program.ts'

/** `mayInspect`: whether it may listen for an inspector; two processes can't on one port. */
export function execArgvFor(program: WorkerProgram, heap: HeapPlan | null, mayInspect: boolean): readonly string[] {
  const own = mayInspect ? program.execArgv : program.execArgv.filter(flag => !flag.startsWith('--inspect'))
  if (heap === null) return own
  // Flags on the command line come after NODE_OPTIONS and win over them: what's said there has to be left out here.
  const given = [...program.execArgv, ...(program.env['NODE_OPTIONS'] ?? '').split(/\s+/)].map(flagName)
  const planned = heap.execArgv.filter(flag => !SAYS_THE_SAME[flagName(flag)]?.some(name => given.includes(name)))
  return [...planned, ...own]
}

/** Flags that say how large the old generation is, or the young one. */
const SAYS_THE_SAME: Readonly<Record<string, readonly string[]>> = {
  '--max-old-space-size': ['--max-old-space-size', '--max-old-space-size-percentage', '--max-heap-size'],
  '--max-semi-space-size': ['--max-semi-space-size', '--semi-space-growth-factor', '--min-semi-space-size'],
}

/** V8 takes underscores for dashes. */
function flagName(flag: string): string {
  return (flag.split('=', 1)[0] ?? '').replaceAll('_', '-')
}
