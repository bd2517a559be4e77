// How far a database command is, as told to whoever waits for it.

/** How far a step of a command is. */
export interface Step {
  readonly name: string
  readonly done: number
  readonly total: number
  readonly ms: number
  /** Whether nothing more will be told about the step of this name. */
  readonly finished: boolean
}

export type OnStep = (step: Step) => void

/** What a command needs besides its connection. */
export interface StepTools {
  readonly clock: { now(): number }
  readonly onStep: OnStep
}
