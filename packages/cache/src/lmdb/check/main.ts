// Reads every page of a map's tables, and writes once, so that a damaged one kills this process and not one that serves requests.
//
//     node main.ts FOLDER MAP_BYTES durable|memory TIMEOUT_MS TABLE[:uint32]...
//
// Ends with 0 when all could be read and written, with 1 and a line on standard error when lmdb reported damage; a crash is an answer as well.
// It ends itself after the time-out, whoever started it being gone or not: where a stopped process holds the map's write lock this thread waits in native code, in
// which no timer of its own fires, so another thread watches.
import { existsSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { openRoot } from '../native.ts'

const CHECK_TABLE = 'check'
const MAX_READERS = 1024
const MAX_TABLES = 16

const [folder, mapBytes, kind, timeoutMs, ...tables] = process.argv.slice(2)
if (folder === undefined || mapBytes === undefined || kind === undefined || timeoutMs === undefined)
  throw new Error('The check needs a folder, a size in bytes, a kind and a time-out.')

// lmdb would make what isn't there any more, for a process that has gone with its map.
if (!existsSync(folder)) process.exit(0)

new Worker(`setTimeout(() => process.kill(process.pid, 'SIGKILL'), ${Number(timeoutMs)})`, { eval: true }).unref()

try {
  const root = openRoot({
    path: folder,
    mapSize: Number(mapBytes),
    maxReaders: MAX_READERS,
    maxDbs: MAX_TABLES,
    permissionsMode: 0o600,
    encoding: 'binary',
    // What it writes needn't outlive a power cut, and a map that's synced otherwise isn't opened with another setting.
    ...(kind === 'durable' ? {} : { noSync: true }),
  })
  for (const table of tables) {
    const [name = '', keys] = table.split(':')
    const opened = root.openDB<Uint8Array, string | number>(name, {
      encoding: 'binary',
      ...(keys === 'uint32' ? { keyEncoding: 'uint32' } : {}),
    })
    // Each value is copied out of the map, so each of its pages is touched.
    for (const { value } of opened.getRange()) if (value.length < 0) throw new Error(`${name} can’t be read`)
  }
  const check = root.openDB<Uint8Array, string>(CHECK_TABLE, { encoding: 'binary' })
  root.transactionSync(() => check.putSync('written', Buffer.from(String(process.pid))))
  await root.close()
  process.exit(0)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}
