// The generator of arrivals: sleeps until the next one is due, and tells it with one write. `arrivals-program.ts <per second> <ms> <seed>`.
//
// It sleeps by Atomics.wait, whose time-outs are exact to some 0.1 ms (timers are to 1 ms), and writes at once, without an event loop.
import { writeSync } from 'node:fs'
import { SeededRandom } from '@plimsoll/testing'
import { ARRIVAL_BYTES, ARRIVAL_SOCKETS, FIRST_ARRIVAL_FD, monotonicMs } from './arrivals.ts'

const [perSecond = 0, forMs = 0, seed = 0] = process.argv.slice(2).map(Number)
const random = new SeededRandom(seed)
const never = new Int32Array(new SharedArrayBuffer(4))
const bytes = Buffer.alloc(ARRIVAL_BYTES)
const startedAtMs = monotonicMs()
/** Gaps of a Poisson process. */
const gapMs = (): number => (-Math.log(1 - random.next()) * 1000) / perSecond

let socket = 0
for (let dueAtMs = startedAtMs; dueAtMs < startedAtMs + forMs; dueAtMs += gapMs()) {
  for (let leftMs = dueAtMs - monotonicMs(); leftMs > 0; leftMs = dueAtMs - monotonicMs())
    Atomics.wait(never, 0, 0, leftMs)
  bytes.writeDoubleLE(dueAtMs)
  tell(FIRST_ARRIVAL_FD + socket)
  socket = (socket + 1) % ARRIVAL_SOCKETS
}

function tell(fd: number): void {
  try {
    writeSync(fd, bytes)
  } catch (error) {
    // Whoever listened has ended, and has no use for the rest.
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit(1)
    throw error
  }
}
