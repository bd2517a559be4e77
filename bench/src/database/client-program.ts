// A client of the database: opens it in one of the ways, and reads as it's told. A program of its own, started over IPC; it ends with whoever started it.
//
//   closed ──comparison──► closed ──open──► open ──closed-loop, open-loop, burst──► open ──close──► closed
import { runBursts } from './bursts.ts'
import type { Answer, Order, Results } from './client-protocol.ts'
import { runClosedLoop } from './closed-loop.ts'
import { runComparison } from './comparison-loop.ts'
import { runOpenLoop } from './open-loop.ts'
import { openReader, type Reader } from './readers.ts'

class ClientProgram {
  #reader: Reader | null = null

  async carryOut(order: Order): Promise<Results[keyof Results]> {
    switch (order.kind) {
      case 'open':
        if (this.#reader !== null) throw new Error('the client is open already')
        this.#reader = await openReader(order)
        return null
      case 'closed-loop':
        return runClosedLoop(this.#open(), order)
      case 'open-loop':
        return runOpenLoop(this.#open(), order)
      case 'burst':
        return runBursts(this.#open(), order)
      case 'comparison':
        return runComparison(order)
      case 'close':
        await this.#open().close()
        this.#reader = null
        return null
      default:
        return order satisfies never
    }
  }

  #open(): Reader {
    if (this.#reader === null) throw new Error('the client is not open')
    return this.#reader
  }
}

function say(answer: Answer): void {
  process.send?.(answer)
}

const program = new ClientProgram()
process.on('message', (order: Order) => {
  void program.carryOut(order).then(
    result => say({ kind: 'done', result }),
    (error: unknown) => say({ kind: 'failed', reason: (error as Error).message }),
  )
})
process.once('disconnect', () => process.exit(0))
say({ kind: 'ready' })
