// Responses for what most services have: caches, background work, concurrency, priorities. Each is a plain PressureResponse, to be registered or changed.
import type { PressureResponse } from './response.ts'

/** Priorities, the lowest first. */
export type AdmittedPriority = 'low' | 'normal' | 'high' | 'critical'

/** A cache keeps half of its budget from `warning` on, and a tenth from `critical` on. `limit` gets the share, 0-1, and gives the bytes freed if it knows. */
export function shrinkCache(name: string, limit: (share: number) => unknown): PressureResponse {
  const set = (step: { readonly share: number }): unknown => limit(step.share)
  return {
    name,
    order: 10,
    steps: [
      { level: 'warning', share: 0.5 },
      { level: 'critical', share: 0.1 },
    ],
    apply: set,
    revert: set,
  }
}

/** Work that nobody waits for (warming, prefetching, queue consumers) stops from `warning` on. */
export function pauseWork(name: string, pause: () => unknown, resume: () => unknown): PressureResponse {
  return { name, order: 20, level: 'warning', apply: () => pause(), revert: () => resume() }
}

/** Asks for half of the usual concurrency from `critical` on, and for a quarter in an emergency. `ask` gets the share, 0-1. */
export function lowerConcurrency(name: string, ask: (share: number) => unknown): PressureResponse {
  const set = (step: { readonly share: number }): unknown => ask(step.share)
  return {
    name,
    order: 30,
    steps: [
      { level: 'critical', share: 0.5 },
      { level: 'emergency', share: 0.25 },
    ],
    apply: set,
    revert: set,
  }
}

/** Refuses low priority from `critical` on, and all but critical in an emergency. `admit` gets the lowest priority that's still served; health checks always are. */
export function shedPriorities(name: string, admit: (lowest: AdmittedPriority) => unknown): PressureResponse {
  const least: readonly AdmittedPriority[] = ['normal', 'critical']
  return {
    name,
    order: 40,
    steps: [
      { level: 'critical', share: 0.9 },
      { level: 'emergency', share: 0.1 },
    ],
    apply: step => admit(least[step.index] ?? 'critical'),
    revert: step => admit(least[step.index - 1] ?? 'low'),
  }
}

/** Asks to be replaced, last of all in an emergency. Asking can't be undone. */
export function askForRecycling(name: string, ask: () => unknown): PressureResponse {
  return { name, order: 1000, level: 'emergency', holdMs: 0, apply: () => ask() }
}
