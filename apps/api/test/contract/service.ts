// The service as the contract's tests ask it: one request at a time, each judged by what the document says of its operation.
//
// Each request comes from an address of its own, so that limits by address are no limit here. What answers teach is kept, as a client would: the cursor of a next page,
// and the entity tag of what was read.
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { faultsOf } from './faults.ts'
import type { Operation } from './operations.ts'
import type { Json } from './shape.ts'

export interface RequestParts {
  readonly path: Readonly<Record<string, string>>
  readonly query: readonly (readonly [name: string, value: string])[]
  readonly headers: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly body?: Json
  /** Sent as it is, in place of `body`. */
  readonly bytes?: string | Buffer
  /** Whether the token is left out, where the operation asks for one. */
  readonly isAnonymous?: boolean
  /** Of the client; otherwise each request has its own. */
  readonly address?: string
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly text: string
}

/** An answer, what's wrong with it by the document, and the request for who reads of it. */
export interface Judged extends Answer {
  readonly faults: readonly string[]
  readonly request: string
}

export interface ServiceOptions {
  readonly operatorToken: string
  /** What a user who is signed in sends as `authorization`; another one each time, since some requests end their session, or themselves. */
  readonly signIn: () => Promise<string>
  /** Words of letters, digits, `_` and `-` that no problem may hold: names of tables. */
  readonly secrets: ReadonlySet<string>
}

const MAX_SHOWN = 300

export class Service {
  readonly #app: FastifyInstance
  readonly #options: ServiceOptions
  readonly #cursors = new Map<string, string>()
  readonly #tags = new Map<string, string>()
  #addresses = 0

  constructor(app: FastifyInstance, options: ServiceOptions) {
    this.#app = app
    this.#options = options
  }

  /** Cursor of a page that an operation has answered with. */
  cursorOf(operation: Operation): string | undefined {
    return this.#cursors.get(operation.path)
  }

  /** Entity tag of what was last read at an address. */
  tagOf(operation: Operation, parts: RequestParts): string | undefined {
    return this.#tags.get(pathOf(operation, parts))
  }

  /** Where it listens. @throws TypeError unless it does */
  get port(): number {
    return (this.#app.server.address() as AddressInfo).port
  }

  /** What whoever may ask for the operation sends along. */
  async tokenFor({ admits }: Operation): Promise<Readonly<Record<string, string>>> {
    switch (admits) {
      case 'everybody':
        return {}
      case 'users':
        return { authorization: await this.#options.signIn() }
      case 'operators':
        return { authorization: `Bearer ${this.#options.operatorToken}` }
      default:
        return admits satisfies never
    }
  }

  async ask(operation: Operation, parts: RequestParts, method: string = operation.method): Promise<Judged> {
    const path = pathOf(operation, parts)
    const query = parts.query.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&')
    const url = query === '' ? path : `${path}?${query}`
    const payload = parts.bytes ?? (parts.body === undefined ? undefined : JSON.stringify(parts.body))
    const headers: Record<string, string> = {
      ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
      ...(parts.isAnonymous === true ? {} : await this.tokenFor(operation)),
      ...parts.headers,
    }
    this.#addresses += 1
    const ownAddress = `10.${this.#addresses >> 16}.${(this.#addresses >> 8) & 255}.${this.#addresses & 255}`
    const response = await this.#app.inject({
      // Not one of inject's names for methods, but one of Node's.
      method: method as 'GET',
      url,
      headers,
      remoteAddress: parts.address ?? ownAddress,
      ...(payload === undefined ? {} : { payload }),
    })
    const answer = { status: response.statusCode, headers: response.headers, text: response.body }
    this.#learn(operation, path, answer)
    const faults = faultsOf(operation, answer, { method, secrets: this.#options.secrets })
    const request = `${method} ${url} ${JSON.stringify(parts.headers)} ${String(payload ?? '')}`.slice(0, MAX_SHOWN)
    return { ...answer, faults, request }
  }

  #learn(operation: Operation, path: string, { status, headers, text }: Answer): void {
    if (status !== 200) return
    const next = /"next":"([^"]+)"/.exec(text)?.[1]
    if (next !== undefined) this.#cursors.set(operation.path, next)
    if (typeof headers['etag'] === 'string') this.#tags.set(path, headers['etag'])
  }
}

function pathOf({ path }: Operation, parts: RequestParts): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encode(parts.path[name] ?? ''))
}

/** Halves of surrogate pairs have no encoding, so no client can send them here; a dot alone would be taken for a step in the path. */
function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(/^\.{1,2}$/, dots => '%2E'.repeat(dots.length))
}

/** As text for who reads a failure. */
export function report({ request, status, text, faults }: Judged): string {
  return `${faults.join('; ')}\n  ${request}\n  ${status} ${text.slice(0, MAX_SHOWN)}`
}
