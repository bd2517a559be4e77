// What is done to the upstreams in a phase, by the clock, while the generator sends.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Phase } from './phases.ts'
import type { Fault } from './upstream/upstream-protocol.ts'

/** The upstreams, as far as an injury needs them. */
export interface Patients {
  readonly names: readonly string[]
  injure(name: string, fault: Fault): Promise<void>
  kill(name: string, onKill: (at: 'killed' | 'gone') => void): Promise<void>
  drain(name: string): Promise<void>
  restart(name: string): Promise<void>
}

export interface InjuryOptions {
  readonly patients: Patients
  /** Called with the signal sent, and again when the process is gone. */
  readonly onKill: (at: 'killed' | 'gone') => void
  readonly signal: AbortSignal
}

/** Injures, waits, heals; resolves when all are well again. @throws the signal's reason */
export async function inflict(phase: Phase, { patients, onKill, signal }: InjuryOptions): Promise<void> {
  const { injury, injureAfterMs, injuredForMs, betweenRestartsMs } = phase
  const pause = (ms: number) => sleep(ms, undefined, { signal })
  if (injury.kind === 'none') return
  await pause(injureAfterMs)
  switch (injury.kind) {
    case 'kill':
      await patients.kill(injury.upstream, onKill)
      await pause(injuredForMs)
      await patients.restart(injury.upstream)
      return
    case 'fault':
      await patients.injure(injury.upstream, injury.fault)
      await pause(injuredForMs)
      await patients.injure(injury.upstream, 'none')
      return
    case 'roll':
      for (const [i, name] of patients.names.entries()) {
        if (i > 0) await pause(betweenRestartsMs)
        await patients.drain(name)
        await patients.restart(name)
      }
      return
    default:
      injury satisfies never
  }
}

/** Who is injured in a phase. */
export function injuredUpstreams({ injury }: Phase, names: readonly string[]): readonly string[] {
  if (injury.kind === 'none') return []
  return injury.kind === 'roll' ? names : [injury.upstream]
}
