// One living connection to Redis: from the accepted handshake to its first error. It never reconnects; link-keeper.ts makes the next one.
//
// Why the client's own reconnecting isn't used: it waits on a timer that keeps the process alive, its time-out for connecting ends with the TCP handshake (a
// server that's stopped accepts and says nothing more), and commands of one connection could be answered with what was asked on another.
//
// Invariants
// * Replies are matched to commands by their order, for the connection's whole life. A caller that stops waiting leaves its command in that order, and its late
//   reply is read and dropped there. An error of any kind ends the link, so that no order can be lost.
// * The socket is unref'd: it never keeps a process alive by itself. Who waits for an answer holds a timer.
import { createHash } from 'node:crypto'
import { createClient, ErrorReply, RESP_TYPES } from '@redis/client'
import { RedisError } from './redis-error.ts'
import type { RedisSettings } from './redis-options.ts'

export type RedisArgument = string | Buffer

/** The few methods of the client that are used. */
interface Client {
  connect(): Promise<unknown>
  sendCommand<Reply>(args: readonly RedisArgument[]): Promise<Reply>
  subscribe(channel: string, listener: () => void): Promise<void>
  on(event: 'error', listener: (error: Error) => void): unknown
  unref(): void
  destroy(): void
}

/** Commands that may wait for their answers; one more is refused. A server that hangs is noticed long before. */
const MAX_COMMANDS = 10_000

/** A Lua script; the server is sent its digest, and its text only when it doesn't know that. */
export class RedisScript {
  readonly text: string
  readonly digest: string

  constructor(text: string) {
    this.text = text
    this.digest = createHash('sha1').update(text).digest('hex')
  }
}

export class RedisLink {
  /** Another one after each restart of the server, and on each server; empty where it may not be asked. */
  readonly serverId: string
  /** Resolves with the reason when the connection is of no more use. */
  readonly ended: Promise<Error>
  readonly #client: Client
  readonly #end: (reason: Error) => void

  /** Use `openLink`. */
  constructor(client: Client, serverId: string, ended: Promise<Error>, end: (reason: Error) => void) {
    this.#client = client
    this.serverId = serverId
    this.ended = ended
    this.#end = end
  }

  /** Rejects with the client's or the server's error: see `asRedisError`. */
  send<Reply>(args: readonly RedisArgument[]): Promise<Reply> {
    return this.#client.sendCommand<Reply>(args)
  }

  async run<Reply>(script: RedisScript, keys: readonly string[], args: readonly RedisArgument[]): Promise<Reply> {
    const rest = [String(keys.length), ...keys, ...args]
    try {
      return await this.send<Reply>(['EVALSHA', script.digest, ...rest])
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      return await this.send<Reply>(['EVAL', script.text, ...rest])
    }
  }

  subscribe(channel: string, listener: () => void): Promise<void> {
    return this.#client.subscribe(channel, listener)
  }

  /** Ends it at once; commands that wait are rejected. */
  end(reason: string): void {
    this.#end(new Error(reason))
  }
}

/** @throws RedisError `offline` when there's no server, `timeout`, `refused` when it doesn't let us in */
export async function openLink(settings: RedisSettings, signal: AbortSignal): Promise<RedisLink> {
  const client = newClient(settings)
  const { promise: ended, resolve } = Promise.withResolvers<Error>()
  const end = (reason: Error): void => {
    resolve(reason)
    client.destroy()
  }
  client.on('error', end)
  client.unref()
  const { promise: givenUp, reject: giveUp } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    giveUp(
      new RedisError('timeout', `Redis at ${settings.place} didn't let us in within ${settings.connectTimeoutMs} ms.`),
    )
  }, settings.connectTimeoutMs).unref()
  const abort = (): void => giveUp(new RedisError('closed', 'The connection to Redis was closed.'))
  signal.addEventListener('abort', abort, { once: true })
  const entering = enter(client)
  try {
    const serverId = await Promise.race([entering, givenUp])
    return new RedisLink(client, serverId, ended, end)
  } catch (error) {
    client.destroy()
    // The client can't give up a TCP connection that isn't there yet, and would go on once it is: it's ended a second time then.
    entering.then(
      () => client.destroy(),
      () => client.destroy(),
    )
    throw asRedisError(error, settings)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
}

/** What went wrong, in this package's words; the server's own sentence is quoted, which never has a password in it. */
export function asRedisError(error: unknown, settings: RedisSettings): RedisError {
  if (error instanceof RedisError) return error
  const { message } = error instanceof Error ? error : new Error(String(error))
  if (isReply(error)) {
    return new RedisError('refused', `Redis at ${settings.place} refused: ${message}`, error)
  }
  return new RedisError('offline', `Redis at ${settings.place} isn't connected: ${message || codeOf(error)}`, error)
}

/** Connects, authenticates, and asks who the server is. */
async function enter(client: Client): Promise<string> {
  await client.connect()
  try {
    const info = await client.sendCommand<unknown>(['INFO', 'server'])
    return /^run_id:(\w+)/m.exec(String(info))?.[1] ?? ''
  } catch (error) {
    // An access list may forbid INFO.
    if (isReply(error)) return ''
    throw error
  }
}

function newClient(settings: RedisSettings): Client {
  const { address, tls, connectTimeoutMs } = settings
  const common = { connectTimeout: connectTimeoutMs, reconnectStrategy: false } as const
  const socket =
    'path' in address
      ? ({ ...common, path: address.path, tls: false } as const)
      : tls === undefined
        ? ({ ...common, ...address } as const)
        : ({ ...common, ...tls, ...address, tls: true } as const)
  return createClient({
    socket,
    name: 'plimsoll-cache',
    ...(settings.username === undefined ? {} : { username: settings.username }),
    ...(settings.password === undefined ? {} : { password: settings.password }),
    database: settings.database,
    disableOfflineQueue: true,
    commandsQueueMaxLength: MAX_COMMANDS,
    disableClientInfo: true,
    maintNotifications: 'disabled',
    // The client's time-out ends when a command has been written, and costs an AbortSignal each: redis-circuit.ts has one timer per round trip.
    commandOptions: { timeout: 0, typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
  })
}

/** The client's class for answers beginning with a minus. It has subclasses, and a Lua script's errors are among them. */
function isReply(error: unknown): boolean {
  return error instanceof ErrorReply
}

/** An AggregateError of several addresses has a code and no message. */
function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'no reason was given'
}
