// What the terminal shows: a line per slow step while it runs, then one screen.

export interface Terminal {
  write(text: string): void
  readonly isTty: boolean
  readonly now: () => number
}

/** Shows the steps. On a terminal a running step's line is rewritten; elsewhere each line is written once, when the step is done. */
export class Progress {
  readonly #terminal: Terminal
  #step: { readonly name: string; readonly startedAtMs: number; detail: string } | null = null
  #timer: NodeJS.Timeout | null = null

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  /** Runs one step and shows how long it took. */
  async run<T>(name: string, work: (detail: (text: string) => void) => Promise<T>): Promise<T> {
    const step = { name, startedAtMs: this.#terminal.now(), detail: '' }
    this.#step = step
    this.#paint()
    if (this.#terminal.isTty) this.#timer = setInterval(() => this.#paint(), 100)
    try {
      const result = await work(text => {
        step.detail = text
        this.#paint()
      })
      this.#end('✔')
      return result
    } catch (error) {
      this.#end('✘')
      throw error
    }
  }

  #paint(): void {
    if (!this.#step || !this.#terminal.isTty) return
    const { name, detail } = this.#step
    this.#terminal.write(`\r\u001B[2K  … ${name}  ${this.#seconds()}${detail ? `  ${detail}` : ''}`)
  }

  #end(mark: string): void {
    if (this.#timer) clearInterval(this.#timer)
    if (!this.#step) return
    const { name, detail } = this.#step
    this.#terminal.write(
      `${this.#terminal.isTty ? '\r\u001B[2K' : ''}  ${mark} ${name}  ${this.#seconds()}${detail ? `  ${detail}` : ''}\n`,
    )
    this.#step = null
  }

  #seconds(): string {
    return `${((this.#terminal.now() - (this.#step?.startedAtMs ?? 0)) / 1000).toFixed(1)} s`
  }
}

export interface ScreenFacts {
  readonly service: string
  readonly admin: string
  readonly apiAdmin: string
  readonly workers: number
  readonly database: string
  readonly logs: string
  readonly adminToken: string
  readonly mode: 'start' | 'dev'
  readonly inspector: string | null
}

/** The one screen of a stack that's up. */
export function renderScreen(facts: ScreenFacts): string {
  const { service, admin, apiAdmin } = facts
  const lines = [
    '',
    `  Plimsoll is up: ${facts.workers} API ${facts.workers === 1 ? 'worker' : 'workers'} behind the balancer.`,
    '',
    `  Service        ${service}`,
    `  Documentation  ${service}/documentation`,
    `  Balancer       ${admin}/health  ${admin}/metrics`,
    `  API fleet      ${apiAdmin}/health  ${apiAdmin}/metrics`,
    `  Database       ${facts.database}`,
    `  Logs           ${facts.logs}`,
    ...(facts.inspector ? [`  Inspector      ${facts.inspector}`] : []),
    `  Admin token    ${facts.adminToken}`,
    '',
    '  Try',
    `    curl -s '${service}/api/courses?limit=3'`,
    `    curl -s ${admin}/health`,
    `    curl -s -H 'authorization: Bearer ${facts.adminToken}' ${admin}/admin/upstreams`,
    '',
    facts.mode === 'dev'
      ? '  A change of the source restarts what it belongs to. Stop with Ctrl-C.'
      : '  Stop with Ctrl-C: requests under way are finished first.',
    '',
  ]
  return `${lines.join('\n')}\n`
}
