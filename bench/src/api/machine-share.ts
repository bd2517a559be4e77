// How much of the machine was ours while something was measured, and how much others had: latencies on a machine that's busy otherwise are that machine's.
import { cpus } from 'node:os'
import { treeCpuUs } from '../cpu-time.ts'

/** Ratios of what all cores together have. */
export interface MachineShare {
  /** Of a process and all that it has started. */
  readonly ours: number
  readonly others: number
}

/** Begins to count; what's returned says how it was since. */
export function beginMachineShare(pid: number): () => MachineShare {
  const before = look(pid)
  return () => {
    const after = look(pid)
    const allMs = after.allMs - before.allMs
    const oursMs = (after.oursUs - before.oursUs) / 1000
    return { ours: oursMs / allMs, others: Math.max(0, after.busyMs - before.busyMs - oursMs) / allMs }
  }
}

interface Look {
  readonly oursUs: number
  readonly busyMs: number
  readonly allMs: number
}

function look(pid: number): Look {
  const times = cpus().map(({ times }) => times)
  const allMs = times.reduce((sum, { user, nice, sys, idle, irq }) => sum + user + nice + sys + idle + irq, 0)
  return { oursUs: treeCpuUs(pid), busyMs: allMs - times.reduce((sum, { idle }) => sum + idle, 0), allMs }
}
