// The map of a process that shares none and isn't alone either: it knows nothing of what others change, and says so.
import { LocalMachineMap } from './local-machine-map.ts'
import type { Change, LastChange } from './machine-map.ts'

const UNKNOWN: LastChange = { sequence: Number.POSITIVE_INFINITY, position: Number.POSITIVE_INFINITY }

export class BlindMachineMap extends LocalMachineMap {
  override sequence(): number {
    return -1
  }

  override changesAfter(): readonly Change[] | undefined {
    return undefined
  }

  override lastChange(): LastChange {
    return UNKNOWN
  }
}
