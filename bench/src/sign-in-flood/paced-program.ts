// Sends at a pace, as a program of its own: what sends a flood doesn't delay what times the reads. It's told what over IPC, and ends with whoever started it.
import { PacedSender } from './paced.ts'
import type { PacedMessage, PacedOrder } from './paced-protocol.ts'

const sender = new PacedSender()
const say = (message: PacedMessage): void => void process.send?.(message)

process.on('message', (order: PacedOrder) => {
  sender.send(order).then(
    figures => say({ kind: 'done', figures }),
    (error: unknown) => say({ kind: 'impossible', reason: (error as Error).message }),
  )
})
process.once('disconnect', () => process.exit(0))
say({ kind: 'waiting' })
