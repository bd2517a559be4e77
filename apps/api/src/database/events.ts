// The optimizer's diagnostics channels, typed: listening to one is calling a function, and so is stopping.
//
// Channels are the process's. Each event names the pool or route that it's about, and who listens picks its own by that.
import {
  channels,
  type PoolAcquired,
  type PoolRefused,
  type QueryFinished,
  type QueryRetried,
  type RouteChanged,
} from '@plimsoll/db-optimizer'

/** The channels that are listened to here, and what each tells. */
interface Messages {
  readonly poolAcquired: PoolAcquired
  readonly poolRefused: PoolRefused
  readonly queryFinished: QueryFinished
  readonly queryRetried: QueryRetried
  readonly routeChanged: RouteChanged
}

/** Calls `handle` with each message of the channel; the returned function ends that. */
export function listen<Name extends keyof Messages>(name: Name, handle: (message: Messages[Name]) => void): () => void {
  const subscriber = (message: unknown): void => handle(message as Messages[Name])
  channels[name].subscribe(subscriber)
  return () => {
    channels[name].unsubscribe(subscriber)
  }
}
