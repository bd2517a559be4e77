// A side that answers from a script, and keeps what it was asked.
import type { Ask, SideName } from '../../src/field-reports/question.ts'
import type { Contestant, Reply } from '../../src/field-reports/side.ts'

export class ScriptedContestant implements Contestant {
  readonly name: SideName
  readonly asked: string[] = []
  readonly processors = { begin: () => () => ({ part: 5 }) }
  mostAtOnce = 0
  #atOnce = 0
  readonly #answer: (path: string) => Partial<Reply>

  constructor(name: SideName, answer: (path: string) => Partial<Reply> = () => ({})) {
    this.name = name
    this.#answer = answer
  }

  async ask(ask: Ask): Promise<Reply> {
    const path = 'path' in ask ? ask.path : JSON.stringify(ask)
    this.asked.push(path)
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#atOnce)
    await Promise.resolve()
    this.#atOnce--
    return { text: `{"data":"${path}"}`, ms: 2, hit: false, ...this.#answer(path) }
  }
}
