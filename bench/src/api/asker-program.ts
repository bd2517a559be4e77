// Asks as it's told: a program of its own, started over IPC, so that its time isn't the suite's; it ends with whoever started it.
import { Asker } from './asker.ts'
import type { AskerMessage, AskOrder } from './asker-protocol.ts'

const asker = new Asker()

function say(message: AskerMessage): void {
  process.send?.(message)
}

process.on('message', (order: AskOrder) => {
  void asker.ask(order).then(
    figures => say({ kind: 'done', figures }),
    (error: unknown) => say({ kind: 'impossible', reason: (error as Error).message }),
  )
})
process.once('disconnect', () => process.exit(0))
say({ kind: 'ready' })
