// The programs with their options, and what a schema can't say of them: what contradicts itself, what doesn't fit, what production keeps closed.
import type { ConfigProgram, Contradiction } from '@plimsoll/config'
import { readMemoryLimit } from '@plimsoll/memory-optimizer'
import { SupervisorError } from '@plimsoll/supervisor'
import { isNetwork, isWideNetwork } from '../http/peers.ts'
import { planFleet, type ReadLimit } from '../memory/fleet-plan.ts'
import { isOriginPattern, isWideOrigin } from '../plugins/security.ts'
import { routesTo } from '../database/address.ts'
import { smallestBudget } from '../database/pool-size.ts'
import { defaultSecrets, type Secrets } from './default-secrets.ts'
import { ENVIRONMENTS } from './environments.ts'
import { clusterSchema, databaseCommandSchema, workerSchema, type ClusterConfig, type WorkerConfig } from './schemas.ts'
import { mostWorkers, poolLimits, workerCount } from './settings.ts'

type Issue = string | Contradiction

/**
 * The cluster, as `loadConfig` takes it.
 * @param readLimit the memory that there is; what the start would refuse because of it is no valid configuration
 */
export function clusterProgramWithin(readLimit: ReadLimit): ConfigProgram<typeof clusterSchema> {
  return {
    name: 'plimsoll-api',
    schema: clusterSchema,
    check: config => checkCluster(config, readLimit),
  }
}

/** The programs, as `loadConfig` takes them. */
export const clusterProgram = clusterProgramWithin(readMemoryLimit)
export const workerProgram = {
  name: 'plimsoll-api-worker',
  schema: workerSchema,
  check: (config: WorkerConfig) => [...checkServing(config, config.workers ?? 1), ...dangers(config)],
}
export const databaseProgram = {
  name: 'plimsoll-api-database',
  operands: 'migrate | plan | rehearse | repair NUMBER pending|done | seed | reset | verify',
  schema: databaseCommandSchema,
}

/** Of the cluster: what holds for each of its workers, and for their number. */
function checkCluster(config: ClusterConfig, readLimit: ReadLimit): Issue[] {
  const { workers, maxWorkers } = config
  const started = workerCount(config)
  return [
    ...(config.features.loadBalancing
      ? []
      : [...notSingle('workers', workers), ...notSingle('maxWorkers', maxWorkers)]),
    ...(maxWorkers !== undefined && maxWorkers < started
      ? [`maxWorkers (${maxWorkers}) is below workers (${started}); raise the one or lower the other`]
      : []),
    ...checkServing(config, mostWorkers(config)),
    ...checkMemory(config, readLimit),
    ...dangers(config),
  ]
}

function notSingle(path: 'workers' | 'maxWorkers', count: number | undefined): Contradiction[] {
  if (count === undefined || count === 1) return []
  const message = `features.loadBalancing is off, which is for a single instance, but ${path} is ${count}; turn the one on or leave the other out`
  return [{ paths: ['features.loadBalancing', path], message }]
}

/** What the start would find out about the heaps. */
function checkMemory(config: ClusterConfig, readLimit: ReadLimit): Contradiction[] {
  try {
    planFleet(config, readLimit)
    return []
  } catch (error) {
    if (!(error instanceof SupervisorError && error.code === 'SUPERVISOR_ERR_OPTION')) throw error
    const paths = ['memory.limitMib', config.maxWorkers === undefined ? 'workers' : 'maxWorkers']
    return [{ paths, message: `the fleet does not fit into its memory: ${error.message}` }]
  }
}

/** What opens a door that this environment keeps closed. */
function dangers(
  config: Pick<WorkerConfig, 'environment' | 'http'> & Secrets & { readonly inspectPort?: number },
): string[] {
  const { environment, http, inspectPort = 0 } = config
  if (!ENVIRONMENTS[environment].refuseDanger) return []
  return [
    ...defaultSecrets(config),
    ...http.corsOrigins
      .filter(entry => entry.startsWith('http:'))
      .map(
        entry =>
          `http.corsOrigins: "${entry}" is not for ${environment}: who is on the way to that page could make it read what users may see; list it with https`,
      ),
    ...http.corsOrigins
      .filter(isWideOrigin)
      .map(
        entry =>
          `http.corsOrigins: "${entry}" is not for ${environment}: anybody may register a name below it; name the domain, too, such as https://*.example.org`,
      ),
    ...http.trustedProxies
      .filter(isWideNetwork)
      .map(
        entry =>
          `http.trustedProxies: "${entry}" is not for ${environment}: strangers could say who they are; name the network of the proxies, none is wider than 10.0.0.0/8 or fc00::/7`,
      ),
    ...(inspectPort === 0
      ? []
      : [
          `inspectPort (${inspectPort}) is not for ${environment}: every user of this machine could run code in the worker; leave it out`,
        ]),
  ]
}

/** What the schema can't say. */
function checkServing(
  config: Pick<WorkerConfig, 'environment' | 'database' | 'cache' | 'http' | 'auth'>,
  workers: number,
): string[] {
  const { http, cache } = config
  const far = cache.redisHost === undefined ? 'cache.diskFolder' : 'cache.redisHost'
  const { connectionBudget } = config.database
  const { minConnections, maxConnections } = poolLimits(config)
  const needed = smallestBudget({ workers, routes: routesTo(config.database).length })
  return [
    ...(minConnections > maxConnections
      ? [
          `database.minConnections (${minConnections}) is above database.maxConnections (${maxConnections}); lower the one or raise the other`,
        ]
      : []),
    ...(connectionBudget < needed
      ? [
          `database.connectionBudget (${connectionBudget}) is below ${needed}, the least for workers (${workers}, and one more during a restart) with a connection and a probe each by every route; start fewer workers, or raise it and max_connections of PostgreSQL`,
        ]
      : []),
    ...(config.auth.keys !== undefined && config.auth.keysFile !== undefined
      ? ['auth.keys and auth.keysFile contradict each other: keys come from one place; leave the other out']
      : []),
    ...(cache.redisHost !== undefined && cache.diskFolder !== undefined
      ? ['cache.diskFolder and cache.redisHost contradict each other: there is one far tier']
      : []),
    ...(!cache.machine && (cache.redisHost ?? cache.diskFolder) !== undefined
      ? [
          `cache.machine is off, but ${far} is set: what the machine shares says which values of the far tier are still good; turn the one on or leave the other out`,
        ]
      : []),
    ...http.trustedProxies
      .filter(entry => !isNetwork(entry))
      .map(entry => `http.trustedProxies: "${entry}" is neither an address nor a network such as 10.0.0.0/8`),
    ...http.corsOrigins
      .filter(entry => !isOriginPattern(entry))
      .map(
        entry =>
          `http.corsOrigins: "${entry}" is no origin; write https://app.example.org, without a path, or https://*.example.org`,
      ),
  ]
}
