// A damaged map in shared memory ends every worker that reads it, by a signal that no worker can catch. The cluster sees those signals, and tells the cache: two in
// a minute, and the maps are moved aside and stay off until the next start. The service goes on without the tier.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { clearCrashes, defaultMachineFolder, recordCrash } from '@plimsoll/cache'
import { CHANNELS, type WorkerCrashedEvent } from '@plimsoll/supervisor'
import type { Logger } from '@plimsoll/telemetry'
import { type CacheSettings, databaseName } from './cache.ts'

/** Begins to watch, with maps that are tried again; the returned function ends it. */
export function watchForCrashes(settings: CacheSettings, databaseUrl: string, logger: Logger): () => void {
  if (!settings.machine) return () => undefined
  const folders = [settings.folder ?? defaultMachineFolder(databaseName(databaseUrl)), settings.diskFolder]
  const each = (act: (folder: string) => void) => {
    for (const folder of folders) if (folder !== undefined) act(folder)
  }
  each(clearCrashes)
  const onCrash = (message: unknown) => {
    const { signal } = (message as WorkerCrashedEvent).exit
    if (signal === null) return
    each(folder => {
      if (recordCrash(folder, signal))
        logger.error(
          { signal, folder },
          'The cache in shared memory is off until the next start: workers crash with it',
        )
    })
  }
  subscribe(CHANNELS.crashed, onCrash)
  return () => {
    unsubscribe(CHANNELS.crashed, onCrash)
  }
}
