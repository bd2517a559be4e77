// Names and messages of the diagnostics channels about listening; see ../channels.ts.
import { channel } from 'node:diagnostics_channel'
import type { DiscardReason } from '../channels.ts'

/** `db:listen:lost`: the connection that listened is gone; messages are lost until it's restored. */
export interface ListenLost {
  readonly pool: string
  /** The server's process. */
  readonly backendPid: number
  readonly reason: DiscardReason
  /** What the server had sent by then has arrived; by the clock of `performance.now()`. */
  readonly sinceMs: number
  readonly subscriptions: number
}

/** `db:listen:restored`: all channels are listened to again, and every subscription has been told. Doesn't come when the last subscription left meanwhile. */
export interface ListenRestored {
  readonly pool: string
  readonly backendPid: number
  /** Connections tried, with the one that succeeded. */
  readonly attempts: number
  /** From `sinceMs` of the loss until now. */
  readonly durationMs: number
  readonly subscriptions: number
}

/** Channels by what they tell. */
export const listenChannels = {
  lost: channel('db:listen:lost'),
  restored: channel('db:listen:restored'),
} as const
