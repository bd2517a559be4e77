export {
  Cache,
  createCache,
  type CacheOptions,
  type CacheParts,
  type CacheTools,
  type InvalidateOptions,
} from './cache.ts'
export {
  channels,
  type ContactChanged,
  type Invalidated,
  type LoadFinished,
  type ValueUnshareable,
} from './channels.ts'
export { CACHE_ERRORS, CacheError, type CacheErrorCode } from './errors.ts'
export type { LeaseKeeper } from './lease-desk.ts'
export type { InvalidationLog, LogEntry, LogPage } from './log/invalidation-log.ts'
export type { Change, Followed, LastChange, Lease, MachineMap } from './machine/machine-map.ts'
export { clearCrashes, recordCrash } from './lmdb/map-folder.ts'
export type { ManyLoader } from './many-loader.ts'
export type { CallOptions, Namespace } from './namespace.ts'
export type { Loader, LoadContext, NamespaceOptions, TierLimits } from './options.ts'
export { LOAD_SECONDS, type CacheStatistics, type NamespaceStatistics } from './statistics.ts'
export {
  defaultMachineFolder,
  openCache,
  type DiskOptions,
  type MachineOptions,
  type OpenCacheOptions,
} from './open-cache.ts'
export { tagSubject, type Subject } from './subjects.ts'
export type {
  EvictionReason,
  LocalTier,
  RemoteEntry,
  RemoteTier,
  ServedFrom,
  StoredBytes,
  TierState,
} from './tiers/tier.ts'
export { savedKeys, saveKeys, type WarmKey, type Warmed, type WarmOptions } from './warming.ts'
