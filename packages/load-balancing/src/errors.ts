// Mistakes of the program that uses this package: wrong options, wrong lists. Picking itself never throws.

/** The codes, one sentence each. */
export const LOAD_BALANCING_ERRORS = {
  LOAD_BALANCING_ERR_STRATEGY: 'There is no strategy of that name.',
  LOAD_BALANCING_ERR_OPTION: 'An option of a picker has an unknown name or a value out of its range.',
  LOAD_BALANCING_ERR_CANDIDATE: 'A candidate has no usable id, weight or limit.',
  LOAD_BALANCING_ERR_DUPLICATE: 'Two candidates of one list have the same id or share one PickState.',
} as const

/** Stable code of a {@link LoadBalancingError}. */
export type LoadBalancingErrorCode = keyof typeof LOAD_BALANCING_ERRORS

/** Thrown by `createPicker` and `createSnapshot`. */
export class LoadBalancingError extends Error {
  override readonly name = 'LoadBalancingError'
  /** Stable code: test on this, not on the message. */
  readonly code: LoadBalancingErrorCode

  constructor(code: LoadBalancingErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
