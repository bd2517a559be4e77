// The suite's side of the program that asks.
import { OrderedProgram } from '../ordered-program.ts'
import type { BenchIo } from '../suite.ts'
import type { AskFigures, AskOrder } from './asker-protocol.ts'

export class AskerProcess {
  readonly #program: OrderedProgram<AskOrder, AskFigures>

  private constructor(program: OrderedProgram<AskOrder, AskFigures>) {
    this.#program = program
  }

  /** @param core null: any */
  static async start(io: Pick<BenchIo, 'nodePath' | 'signal'>, core: number | null): Promise<AskerProcess> {
    const plan = { name: 'the program that asks', file: 'api/asker-program.ts', core }
    return new AskerProcess(await OrderedProgram.start(io, plan))
  }

  /** One order at a time. @throws Error when an answer was wrong, nobody answers, or the suite is to stop */
  ask(order: AskOrder): Promise<AskFigures> {
    return this.#program.run(order)
  }

  stop(): Promise<void> {
    return this.#program.stop()
  }
}
