// Options of the connection to Redis or Valkey, checked once and completed; nothing behind this file has defaults of its own.
import type { ConnectionOptions } from 'node:tls'
import { CacheError } from '../errors.ts'

export interface RedisOptions {
  /** `redis://[user:password@]host[:port][/database]`, `rediss://` for TLS, or `unix:///path/to/socket`. Contradicts host, port and socketPath. */
  readonly url?: string
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default 6379. */
  readonly port?: number
  /** A Unix socket. Contradicts url, host, port and tls. */
  readonly socketPath?: string
  /** Default: the server's `default` user. */
  readonly username?: string
  readonly password?: string
  /** 0-65535, default 0. */
  readonly database?: number
  /** true, or options of `tls.connect` (ca, cert, key, servername). Default: what the URL says, else false. */
  readonly tls?: boolean | ConnectionOptions
  /** Begins every key and channel, so that several applications can share a server. Default `plimsoll:`; 1-200 characters. */
  readonly keyPrefix?: string
  /** Longest wait for an answer of the tier and the leases, in milliseconds. Default 50, range 1-60,000. The log has its own. */
  readonly timeoutMs?: number
  /** Longest time for connecting, TLS and authentication together, in milliseconds. Default 1000, range 10-60,000. */
  readonly connectTimeoutMs?: number
  /** Longest pause between two attempts to connect, in milliseconds; the first is 100 ms at most, each doubles. Default 2000, range 100-60,000. */
  readonly reconnectMaxMs?: number
  /** Whether a server that didn't answer in time is left alone until it answers a probe. Default true; false: each call waits for its own time-out. */
  readonly circuitBreaker?: boolean
  /** While the circuit is open, one probe per so many milliseconds is sent in the background. Default 1000, range 10-60,000. */
  readonly probeEveryMs?: number
  /** So many time-outs in a row open the circuit. Default 1: a server that hangs costs a request one time-out, and no second one. Range 1-100. */
  readonly timeoutsToOpen?: number
  /**
   * A connection that has answered nothing for so many milliseconds, though probed, is replaced; and one of that age whose server refuses a write because it has
   * become a replica. Default 10,000, range 100-600,000.
   */
  readonly silentMaxMs?: number
}

/** Where the server is. */
export type RedisAddress = { readonly path: string } | { readonly host: string; readonly port: number }

export interface RedisSettings {
  readonly address: RedisAddress
  /** For people: no password in it. */
  readonly place: string
  readonly username: string | undefined
  readonly password: string | undefined
  readonly database: number
  readonly tls: ConnectionOptions | undefined
  readonly keyPrefix: string
  readonly timeoutMs: number
  readonly connectTimeoutMs: number
  readonly reconnectMaxMs: number
  readonly circuitBreaker: boolean
  readonly probeEveryMs: number
  readonly timeoutsToOpen: number
  readonly silentMaxMs: number
}

/** Range and default of each number; whole numbers only. */
const NUMBERS = {
  port: [1, 65_535, 6379],
  database: [0, 65_535, 0],
  timeoutMs: [1, 60_000, 50],
  connectTimeoutMs: [10, 60_000, 1000],
  reconnectMaxMs: [100, 60_000, 2000],
  probeEveryMs: [10, 60_000, 1000],
  timeoutsToOpen: [1, 100, 1],
  silentMaxMs: [100, 600_000, 10_000],
} as const

const OTHERS = ['url', 'host', 'socketPath', 'username', 'password', 'tls', 'keyPrefix', 'circuitBreaker']
const MAX_PREFIX_LENGTH = 200

/** @throws CACHE_ERR_OPTION for an unknown key, a value outside its range, and two options that contradict each other */
export function parseRedisOptions(options: RedisOptions): RedisSettings {
  for (const key of Object.keys(options)) {
    if (!Object.hasOwn(NUMBERS, key) && !OTHERS.includes(key)) refuse(`"${key}" is none of its options`)
  }
  for (const [one, other] of [
    ['url', 'host'],
    ['url', 'port'],
    ['url', 'socketPath'],
    ['socketPath', 'host'],
    ['socketPath', 'port'],
    ['socketPath', 'tls'],
  ] as const) {
    if (options[one] !== undefined && options[other] !== undefined) refuse(`${one} and ${other} contradict each other`)
  }
  const fromUrl = options.url === undefined ? {} : parseUrl(options.url)
  const given = { ...fromUrl, ...withoutUndefined(options) }
  const { keyPrefix = 'plimsoll:', host = '127.0.0.1', socketPath, tls = false, circuitBreaker = true } = given
  if (keyPrefix.length === 0 || keyPrefix.length > MAX_PREFIX_LENGTH || !keyPrefix.isWellFormed()) {
    refuse(`keyPrefix takes 1-${MAX_PREFIX_LENGTH} characters`)
  }
  const port = wholeNumber('port', given.port)
  const address = socketPath === undefined ? { host, port } : { path: socketPath }
  return Object.freeze({
    address,
    place: 'path' in address ? address.path : `${address.host}:${address.port}`,
    username: given.username,
    password: given.password,
    database: wholeNumber('database', given.database),
    tls: tls === true ? {} : tls === false ? undefined : tls,
    keyPrefix,
    timeoutMs: wholeNumber('timeoutMs', given.timeoutMs),
    connectTimeoutMs: wholeNumber('connectTimeoutMs', given.connectTimeoutMs),
    reconnectMaxMs: wholeNumber('reconnectMaxMs', given.reconnectMaxMs),
    circuitBreaker,
    probeEveryMs: wholeNumber('probeEveryMs', given.probeEveryMs),
    timeoutsToOpen: wholeNumber('timeoutsToOpen', given.timeoutsToOpen),
    silentMaxMs: wholeNumber('silentMaxMs', given.silentMaxMs),
  })
}

/** The URL's text is in no message: it may hold a password. */
function parseUrl(text: string): RedisOptions {
  const url = URL.parse(text)
  if (url?.protocol === 'unix:' && url.host === '' && url.pathname.length > 1) {
    return { socketPath: decodeURIComponent(url.pathname) }
  }
  if (url === null || !['redis:', 'rediss:'].includes(url.protocol) || url.hostname === '') {
    return refuse('url takes redis://host, rediss://host or unix:///path')
  }
  const database = url.pathname.slice(1)
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    ...(url.port === '' ? {} : { port: Number(url.port) }),
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    ...(database === '' ? {} : { database: Number(database) }),
    tls: url.protocol === 'rediss:',
  }
}

function wholeNumber(name: keyof typeof NUMBERS, value: number | undefined): number {
  const [least, most, usual] = NUMBERS[name]
  if (value === undefined) return usual
  if (!Number.isInteger(value) || value < least || value > most) {
    refuse(`${name} takes a whole number from ${least} to ${most}, not ${value}`)
  }
  return value
}

/** An option that's set to undefined counts as left out. */
function withoutUndefined(options: RedisOptions): RedisOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

function refuse(what: string): never {
  throw new CacheError('CACHE_ERR_OPTION', `Redis: ${what}.`)
}
