// Loaded into every Node process of a soak (NODE_OPTIONS=--import): writes down, every few seconds, what its memory holds after a whole collection.
//
// Only the process itself can know that: from outside there's resident memory, which is also what V8 keeps for later. Forcing the collection makes every figure
// comparable, at the price that the process is tidier than it would be by itself.
import { appendFile } from 'node:fs/promises'
import path from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { PROBE_VARIABLES, probeFile, sampleLine } from './live-memory.ts'

const folder = process.env[PROBE_VARIABLES.folder]
const intervalMs = Number(process.env[PROBE_VARIABLES.intervalMs])

if (folder !== undefined && intervalMs > 0) {
  // The flag counts for contexts made afterwards: https://nodejs.org/api/v8.html#v8setflagsfromstringflags
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const file = path.join(folder, probeFile(process.pid))
  setInterval(() => {
    collect()
    const { heapUsed, external } = process.memoryUsage()
    // The folder is gone when the soak has ended: nobody is interested any more.
    appendFile(file, sampleLine({ atMs: Date.now(), heapBytes: heapUsed, externalBytes: external })).catch(() => {})
  }, intervalMs).unref()
}
