// The programs with their options, and what a schema can't say of them.
import { isNetwork } from '../http/peers.ts'
import { isOriginPattern } from '../plugins/security.ts'
import { routesTo } from '../database/address.ts'
import { smallestBudget } from '../database/pool-size.ts'
import { clusterSchema, databaseCommandSchema, workerSchema, type ClusterConfig, type WorkerConfig } from './schemas.ts'
import { mostWorkers, poolLimits, workerCount } from './settings.ts'

/** The programs, as `loadConfig` takes them. */
export const clusterProgram = {
  name: 'plimsoll-api',
  schema: clusterSchema,
  check: (config: ClusterConfig) => checkCluster(config),
}
export const workerProgram = {
  name: 'plimsoll-api-worker',
  schema: workerSchema,
  check: (config: WorkerConfig) => checkServing(config, config.workers ?? 1),
}
export const databaseProgram = {
  name: 'plimsoll-api-database',
  operands: 'migrate | plan | rehearse | repair NUMBER pending|done | seed | reset',
  schema: databaseCommandSchema,
}

/** Of the cluster: what holds for each of its workers, and for their number. */
function checkCluster(config: ClusterConfig): string[] {
  const workers = workerCount(config)
  const { maxWorkers } = config
  return [
    ...(maxWorkers !== undefined && maxWorkers < workers
      ? [`maxWorkers (${maxWorkers}) is below workers (${workers}); raise the one or lower the other`]
      : []),
    ...checkServing(config, mostWorkers(config)),
  ]
}

/** What the schema can't say. */
function checkServing(
  config: Pick<WorkerConfig, 'environment' | 'database' | 'cache' | 'http'>,
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
