// Where the workers count: in Redis when several machines share one, else in the machine's shared memory, else each for itself.
//
//     Redis ──away or slow──► the machine's map ──off──► the worker's own memory        each step is told once, and each way back
//
// The map lies in the cache's folder, so that what supervises the cache's maps (cache/crash-watch.ts) supervises it, too.
import { defaultMachineFolder } from '@plimsoll/cache'
import {
  copyDecision,
  createMemoryStore,
  type MemoryStore,
  type RateLimitStore,
  type Rule,
  type StoreState,
} from '@plimsoll/rate-limit'
import type { Logger } from '@plimsoll/telemetry'
import { type CacheSettings, databaseName } from '../cache/cache.ts'
import { MAX_KEYS } from './kinds.ts'

/** Longest wait for a decision of Redis. */
const REDIS_TIMEOUT_MS = 50

export type LimitPlaces = Pick<CacheSettings, 'machine' | 'folder' | 'redis'>

export interface OpenStore {
  readonly store: RateLimitStore
  /** What's shared and can't be used at the moment. */
  down(): readonly ('machine' | 'redis')[]
  close(): Promise<void>
}

export async function openLimitStore(
  rules: readonly Rule[],
  { machine, folder, redis }: LimitPlaces,
  databaseUrl: string,
  logger: Logger,
): Promise<OpenStore> {
  await using closing = new AsyncDisposableStack()
  const name = databaseName(databaseUrl)
  const states = new Map<'machine' | 'redis', () => StoreState>()
  const tell =
    (place: string) =>
    ({ state, reason }: StoreState) => {
      if (state === 'on') logger.info({ place }, 'Limits are counted there again')
      else logger.warn({ place, reason }, 'Limits can not be counted there, and are counted nearer until they can')
    }
  const memory = createMemoryStore({ rules, maxKeys: MAX_KEYS })
  let store = ownDecisions(memory)
  if (machine) {
    // Not loaded where it isn't wanted: it's a native library.
    const { createMachineStore } = await import('@plimsoll/rate-limit/machine')
    const shared = createMachineStore({
      rules,
      folder: folder ?? defaultMachineFolder(name),
      maxKeys: MAX_KEYS,
      fallback: memory,
      onState: tell('machine'),
    })
    closing.defer(() => shared.close())
    states.set('machine', () => shared.state())
    store = shared
  }
  if (redis !== undefined) {
    const [{ openRedis }, { createRedisStore }] = await Promise.all([
      import('@plimsoll/cache/redis'),
      import('@plimsoll/rate-limit/redis'),
    ])
    const { host, port, password } = redis
    const connection = openRedis({
      host,
      port,
      timeoutMs: REDIS_TIMEOUT_MS,
      ...(password === undefined ? {} : { password }),
    })
    closing.defer(() => connection.close())
    const far = createRedisStore({
      rules,
      redis: { send: args => connection.circuit.run(link => link.send<unknown>(args)) },
      fallback: store,
      keyPrefix: `plimsoll:${name}:`,
      timeoutMs: REDIS_TIMEOUT_MS,
      onState: tell('redis'),
    })
    closing.defer(() => far.close())
    states.set('redis', () => far.state())
    store = far
    await connection.firstAttempt
  }
  const owned = closing.move()
  return {
    store,
    down: () => [...states].filter(([, state]) => state().state !== 'on').map(([place]) => place),
    close: () => owned.disposeAsync(),
  }
}

/** Requests wait at other places meanwhile: a decision that the next one overwrites is no use to them. */
export function ownDecisions(memory: MemoryStore): RateLimitStore {
  return {
    rules: memory.rules,
    take: (keys, scope) => copyDecision(memory.take(keys, scope)),
    peek: (keys, scope) => copyDecision(memory.peek(keys, scope)),
    giveBack: (keys, scope, atMs, times) => memory.giveBack(keys, scope, atMs, times),
  }
}
