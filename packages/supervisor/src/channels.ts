// What happens in the fleet, for whoever wants to know: node:diagnostics_channel names, `supervisor:subject:verb`.
//
// Each payload is one documented object. Nothing is built while nobody listens. A subscriber runs inside the supervisor's own
// turn: it should be short, and it can't stop what it's told about.
import { channel } from 'node:diagnostics_channel'
import type { RecycleReasonLabel, RecycleResult } from './recycling.ts'
import type { WorkerExit } from './worker-process.ts'

/** A worker process of one generation. */
export interface WorkerEvent {
  /** Number of the worker, from 0. */
  readonly worker: number
  /** How many processes this worker number has had, this one included. */
  readonly generation: number
  /** Process id; null when the process couldn't be made. */
  readonly pid: number | null
}

/** `supervisor:worker:started`: a process was forked; it isn't ready yet. */
export type WorkerStartedEvent = WorkerEvent

/** `supervisor:worker:ready`: it accepts requests on its socket. */
export interface WorkerReadyEvent extends WorkerEvent {
  readonly socketPath: string
  /** From fork to ready. */
  readonly startMs: number
}

/** `supervisor:worker:crashed`: it ended, or had to be ended, without having been told to. */
export interface WorkerCrashedEvent extends WorkerEvent {
  readonly exit: WorkerExit
  /** Time until the next generation is forked; null when none will be, because another one is in place or the start has failed. */
  readonly restartInMs: number | null
}

/** `supervisor:worker:replaced`: a new generation has passed its probation, and the one before it is about to drain. */
export interface WorkerReplacedEvent extends WorkerEvent {
  readonly previousGeneration: number
}

/** `supervisor:worker:probation-failed`: a new generation was ready and didn't stay so; the one before it, if it's still there, goes on. */
export interface ProbationFailedEvent extends WorkerEvent {
  /** What went wrong, in words. */
  readonly failure: string
}

/** `supervisor:worker:recycle-requested`: a worker asks to be replaced, or has reached its age. */
export interface RecycleRequestedEvent extends Omit<WorkerEvent, 'pid'> {
  readonly reason: RecycleReasonLabel
  readonly detail: string
}

/** `supervisor:worker:recycled`: what became of such a request. */
export interface RecycledEvent extends Omit<WorkerEvent, 'pid'> {
  readonly reason: RecycleReasonLabel
  readonly result: RecycleResult
  /** From the request to this. */
  readonly waitedMs: number
}

/** `supervisor:fleet:scaled`: the number of workers that there should be has changed. */
export interface ScaledEvent {
  readonly from: number
  readonly to: number
  /** Mean utilisation of the ready workers' event loops, 0 to 1. */
  readonly utilization: number
}

/** `supervisor:worker:ended`: a process is gone, for whatever reason. */
export interface WorkerEndedEvent extends WorkerEvent {
  readonly exit: WorkerExit
}

/** `supervisor:fleet:crash-loop`: a worker crashed too often and is restarted at the slowest pace from now on. */
export interface CrashLoopEvent {
  readonly worker: number
  /** Crashes inside the window. */
  readonly crashes: number
  readonly withinMs: number
}

/** Names of the channels. */
export const CHANNELS = {
  started: 'supervisor:worker:started',
  ready: 'supervisor:worker:ready',
  crashed: 'supervisor:worker:crashed',
  replaced: 'supervisor:worker:replaced',
  probationFailed: 'supervisor:worker:probation-failed',
  recycleRequested: 'supervisor:worker:recycle-requested',
  recycled: 'supervisor:worker:recycled',
  ended: 'supervisor:worker:ended',
  crashLoop: 'supervisor:fleet:crash-loop',
  scaled: 'supervisor:fleet:scaled',
} as const

interface Payloads {
  started: WorkerStartedEvent
  ready: WorkerReadyEvent
  crashed: WorkerCrashedEvent
  replaced: WorkerReplacedEvent
  probationFailed: ProbationFailedEvent
  recycleRequested: RecycleRequestedEvent
  recycled: RecycledEvent
  ended: WorkerEndedEvent
  crashLoop: CrashLoopEvent
  scaled: ScaledEvent
}

/** Publishes one event; `payload` is only called when somebody listens. */
export function publish<Name extends keyof Payloads>(name: Name, payload: () => Payloads[Name]): void {
  const target = channel(CHANNELS[name])
  if (target.hasSubscribers) target.publish(payload())
}
