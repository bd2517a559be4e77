// Workers of the API with one part each, as programs; what they are is decided in apps/api/bench/plugin-worker.ts, and the messages between are declared on both sides,
// since apps and bench don't import each other.
import path from 'node:path'
import { askOnce } from '../overhead/asker.ts'
import { moveToCore } from '../pinning.ts'
import { type Program, startProgram } from '../program.ts'
import type { BenchIo } from '../suite.ts'

export interface Part {
  readonly name: string
  readonly kind: 'server' | 'route' | 'plugin'
  readonly bySize: boolean
}

/** Empty: a bare application; null: the whole one. */
export type PartName = string | null

interface Listening {
  readonly kind: 'listening'
  readonly parts: readonly Part[]
  readonly unmeasured: readonly string[]
  readonly forgotten: readonly string[]
}

export interface PluginWorker {
  readonly pid: number
  readonly socketPath: string
  stop(): Promise<void>
}

/** What bare applications answer: the whole one's own texts. */
export interface Texts {
  readonly coursePath: string
  readonly course: string
  readonly page: string
}

export interface Introduction {
  readonly parts: readonly Part[]
  readonly texts: Texts
}

export const PAGE_PATH = '/api/courses?limit=20'
const NO_TEXTS: Texts = { coursePath: '', course: '{}', page: '{}' }

export class PluginWorkers {
  readonly #io: BenchIo
  readonly #databaseUrl: string
  readonly #core: number | null
  #started = 0

  /** @param core that all of them share; one at a time has work */
  constructor(io: BenchIo, databaseUrl: string, core: number | null) {
    this.#io = io
    this.#databaseUrl = databaseUrl
    this.#core = core
  }

  /** Asks the whole application what it consists of, and for its answers. @throws Error when a plugin of it is measured by nobody */
  async introduce(): Promise<Introduction> {
    const whole = await this.#start(null, NO_TEXTS)
    try {
      const { parts, unmeasured, forgotten } = whole.ready
      if (unmeasured.length > 0 || forgotten.length > 0)
        throw new Error(
          `apps/api/bench/plugin-parts.ts isn't what apps/api/src/app.ts registers; missing there: ${names(unmeasured)}; only there: ${names(forgotten)}`,
        )
      const page = await askOnce(whole.socketPath, PAGE_PATH)
      const [first] = (JSON.parse(page) as { items: { id: number }[] }).items
      if (first === undefined) throw new Error('there are no courses in the database')
      const coursePath = `/api/courses/${first.id}`
      return { parts, texts: { coursePath, course: await askOnce(whole.socketPath, coursePath), page } }
    } finally {
      await whole.program.stop()
    }
  }

  async start(part: PartName, texts: Texts): Promise<PluginWorker> {
    const { program, socketPath } = await this.#start(part, texts)
    return { pid: program.pid, socketPath, stop: program.stop }
  }

  async #start(part: PartName, { course, page }: Texts) {
    const { checkout, env, nodePath, signal, temporary } = this.#io
    const number = ++this.#started
    const socketPath = path.join(temporary, `part-${number}.sock`)
    const program: Program<Listening> = await startProgram({
      name: `the worker with ${part ?? 'everything'}`,
      command: [nodePath, path.join(checkout, 'apps/api/bench/plugin-worker.ts')],
      env: { ...env, NODE_ENV: 'production' },
      firstMessage: {
        part,
        socketPath,
        databaseUrl: this.#databaseUrl,
        cacheFolder: path.join(temporary, `cache-${number}`),
        course,
        page,
      },
      ready: from => ('message' in from ? (from.message as Listening) : undefined),
      signal,
    })
    moveToCore(this.#core, program.pid)
    return { program, ready: program.ready, socketPath }
  }
}

function names(list: readonly string[]): string {
  return list.length === 0 ? 'none' : list.join(', ')
}
