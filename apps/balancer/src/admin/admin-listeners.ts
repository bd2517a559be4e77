// The sockets of the admin API: one address for all of it, and if wanted a second one for health and metrics alone.
//
//   new ──listen()──► listening ──close()──► closed          after a failed listen() call close() too
import type { FastifyInstance } from 'fastify'
import type { AddressInfo } from 'node:net'
import { createAdminApp, createReadOnlyApp, type AdminAppOptions } from './admin-app.ts'

/** Where to listen; structurally what listen-address.ts parses. */
export interface AdminAddress {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
}

/** Ports that are really bound. */
export interface AdminPorts {
  readonly admin: number
  /** Null when there's no second address. */
  readonly readOnly: number | null
}

export class AdminListeners {
  readonly #options: AdminAppOptions
  readonly #open: FastifyInstance[] = []

  constructor(options: AdminAppOptions) {
    this.#options = options
  }

  /** @throws the system's error when an address can't be bound. */
  async listen(admin: AdminAddress, readOnly: AdminAddress | null): Promise<AdminPorts> {
    const { control, logger } = this.#options
    return {
      admin: await this.#start(createAdminApp(this.#options), admin),
      readOnly: readOnly === null ? null : await this.#start(createReadOnlyApp(control.status, logger), readOnly),
    }
  }

  /** Cuts what's open. May be called at any time, and again. */
  async close(): Promise<void> {
    await Promise.all(this.#open.map(app => app.close()))
  }

  async #start(app: FastifyInstance, { host, port }: AdminAddress): Promise<number> {
    this.#open.push(app)
    await app.listen({ host, port })
    return (app.server.address() as AddressInfo).port
  }
}
