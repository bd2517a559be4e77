// What a run tells while it's under way, as one kind of callback: a program prints it, a test listens to it. It's called synchronously; what it throws ends the run.

export type MigrationProgress =
  /** Somebody else has the lock; told at first, when the holder changes, and every five seconds. */
  | {
      readonly kind: 'waiting'
      /** The holder's process on the server; undefined when it has just left. */
      readonly pid: number | undefined
      /** The holder's application_name. */
      readonly application: string | undefined
      readonly waitedMs: number
    }
  /** A file is begun. */
  | { readonly kind: 'started'; readonly name: string; readonly index: number; readonly total: number }
  /** A statement of a file that runs outside a transaction is done. */
  | { readonly kind: 'statement'; readonly name: string; readonly statement: number; readonly statements: number }
  /** A file was rolled back for others' locks (SQLSTATE 55P03, 40P01 or 40001) and is begun again after the pause. */
  | {
      readonly kind: 'retrying'
      readonly name: string
      readonly attempt: number
      readonly attempts: number
      readonly pauseMs: number
      readonly sqlState: string
    }
  /** A file is applied. */
  | {
      readonly kind: 'applied'
      readonly name: string
      /** From 1. */
      readonly index: number
      readonly total: number
      readonly ms: number
    }
  /** The connection was lost at a commit whose fate is known by now; the run goes on with a new one. */
  | { readonly kind: 'reconnecting'; readonly name: string; readonly status: 'committed' | 'aborted' }
  /** A notice of the server, as by RAISE NOTICE. */
  | { readonly kind: 'notice'; readonly severity: string; readonly message: string }

export type OnProgress = (progress: MigrationProgress) => void
