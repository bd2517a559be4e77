// The network between the optimizer and PostgreSQL: a TCP proxy that tears, stalls, loses, and stops at a chosen message.
//
//     client ──requests──► │ crossing │ ──requests──► server          one crossing for each connection, with a fate of its own:
//            ◄──answers─── │          │ ◄──answers───                 torn after so many bytes of one direction
//
// Stalls, of one direction or both, of all connections at once
//     held   nothing is delivered until it goes on; then everything is, in order. TCP behaves so when a link is back in time
//     lost   what comes is gone, and so is all that comes later in that direction of the connection, its end included: TCP never delivers behind a gap.
//            When it goes on, such connections are reset
// A connection that's made during a stall is accepted, and stalls too.
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { SeededRandom } from '@plimsoll/testing'

export type Direction = 'requests' | 'answers'
export type StallMode = 'held' | 'lost'

/** After so many bytes of a direction both ends are cut: by a reset, or by an end as if it were regular. */
export interface Tear {
  readonly direction: Direction
  readonly afterBytes: number
  readonly by: 'reset' | 'end'
}

/** `at once`: reset when it has just been accepted, as the backlog of a server that goes down. */
export type Fate = Tear | 'at once' | undefined

/** Stops at a request of one connection. Happens once. */
export interface Stop {
  /** The connection, by the server's name for it: `inet_client_port()`. Any if undefined. */
  readonly clientPort?: number
  /** Of the request's bytes. */
  readonly text: string
  /** `request`: before it's delivered. `answer`: it's delivered, and what the server answers waits. */
  readonly at: 'request' | 'answer'
  /** Answers, each up to its ReadyForQuery, that are delivered before the rest waits; only for `answer`. Default 0. */
  readonly answersDelivered?: number
  /** Meanwhile. Then what waited is delivered, or both ends are reset. */
  readonly meanwhile: (clientPort: number) => Promise<'deliver' | 'cut'>
}

export interface Wire {
  /** The database's address over this wire. */
  readonly url: string
  /** Connections that were torn so far. */
  readonly torn: number
  /** Draws the fate of each new connection; undefined for none. */
  tears: ((random: SeededRandom) => Fate) | undefined
  stall(mode: StallMode, directions: readonly Direction[]): void
  goOn(): void
  /** Resolves when it has happened. */
  stopAt(stop: Stop): Promise<void>
  close(): Promise<void>
}

const READY_FOR_QUERY = 'Z'.charCodeAt(0)
/** Type and length. */
const HEAD_BYTES = 5

interface PendingStop extends Stop {
  readonly done: () => void
}

/** State of a wire that its crossings look at. */
interface WireState {
  stall: { readonly mode: StallMode; readonly directions: ReadonlySet<Direction> } | undefined
  readonly stops: Set<PendingStop>
  torn: number
}

export async function openWire(databaseUrl: string, random: SeededRandom): Promise<Wire> {
  const target = new URL(databaseUrl)
  const state: WireState = { stall: undefined, stops: new Set(), torn: 0 }
  const crossings = new Set<Crossing>()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, client => {
    const fate = wire.tears?.(random)
    if (fate === 'at once') {
      state.torn += 1
      client.on('error', () => {})
      setImmediate(() => client.resetAndDestroy())
      return
    }
    const upstream = connect({
      host: target.hostname,
      port: Number(target.port),
      allowHalfOpen: true,
      noDelay: true,
    })
    const crossing = new Crossing(state, client, upstream, fate)
    crossings.add(crossing)
    crossing.whenGone(() => crossings.delete(crossing))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(databaseUrl)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  const wire: Wire = {
    url: url.href,
    get torn() {
      return state.torn
    },
    tears: undefined,
    stall: (mode, directions) => void (state.stall = { mode, directions: new Set(directions) }),
    goOn: () => {
      state.stall = undefined
      for (const crossing of crossings) crossing.goOn()
    },
    stopAt: stop => new Promise(resolve => state.stops.add({ ...stop, done: resolve })),
    close: async () => {
      const closed = new Promise(resolve => server.close(resolve))
      for (const crossing of crossings) crossing.cut()
      await closed
    },
  }
  return wire
}

class Crossing {
  readonly #state: WireState
  readonly #lanes: Readonly<Record<Direction, Lane>>
  readonly #tear: Tear | undefined
  readonly #upstream: Socket
  #tearing = false
  #gone = false
  #onGone: (() => void) | undefined

  constructor(state: WireState, client: Socket, upstream: Socket, tear: Tear | undefined) {
    this.#state = state
    this.#upstream = upstream
    this.#tear = tear
    this.#lanes = { requests: new Lane(client, upstream), answers: new Lane(upstream, client) }
    for (const direction of ['requests', 'answers'] as const) {
      const { from } = this.#lanes[direction]
      from.on('data', (chunk: Buffer) => this.#take(direction, chunk))
      from.on('end', () => this.#take(direction, null))
      from.on('error', () => this.#broken(direction))
      from.on('close', () => this.#broken(direction))
    }
  }

  whenGone(onGone: () => void): void {
    this.#onGone = onGone
  }

  /** The stall is over. */
  goOn(): void {
    const lanes = Object.values(this.#lanes)
    if (lanes.some(lane => lane.lossy)) return this.cut()
    for (const direction of ['requests', 'answers'] as const) {
      const lane = this.#lanes[direction]
      if (lane.stopped) continue
      lane.deliver()
      if (lane.from.destroyed) this.#broken(direction)
    }
  }

  cut(by: Tear['by'] = 'reset'): void {
    if (this.#gone) return
    this.#gone = true
    for (const { to } of Object.values(this.#lanes)) {
      // Node leaks the handle of a socket that is reset while its end is being sent.
      if (by === 'end') to.destroySoon()
      else if (to.writableEnded) to.destroy()
      else to.resetAndDestroy()
    }
    this.#onGone?.()
  }

  #take(direction: Direction, chunk: Buffer | null): void {
    const lane = this.#lanes[direction]
    const { stall } = this.#state
    if (stall?.directions.has(direction) === true && stall.mode === 'lost') lane.lossy = true
    if (lane.lossy) return
    if (direction === 'requests' && chunk !== null) this.#lookForStop(chunk)
    lane.hold(chunk)
    if (stall?.directions.has(direction) === true || lane.stopped) {
      if (lane.stopped) lane.deliverAnswers()
      return
    }
    this.#deliver(direction)
  }

  #deliver(direction: Direction): void {
    const lane = this.#lanes[direction]
    const tear = this.#tear?.direction === direction ? this.#tear : undefined
    const whole = lane.deliver(tear === undefined ? Infinity : tear.afterBytes - lane.deliveredBytes)
    if (whole || tear === undefined || this.#tearing) return
    this.#tearing = true
    this.#state.torn += 1
    // The bytes before the tear should arrive: a reset would overtake what isn't written yet.
    lane.to.write('', () => this.cut(tear.by))
  }

  #lookForStop(chunk: Buffer): void {
    const clientPort = this.#upstream.localPort ?? 0
    for (const stop of this.#state.stops) {
      if (!chunk.includes(stop.text) || (stop.clientPort ?? clientPort) !== clientPort) continue
      this.#state.stops.delete(stop)
      void this.#stop(stop, clientPort)
      return
    }
  }

  async #stop(stop: PendingStop, clientPort: number): Promise<void> {
    const lane = this.#lanes[stop.at === 'request' ? 'requests' : 'answers']
    lane.stopped = true
    lane.answersToDeliver = stop.at === 'answer' ? (stop.answersDelivered ?? 0) : 0
    const verdict = await stop.meanwhile(clientPort)
    lane.stopped = false
    if (verdict === 'cut') this.cut()
    else lane.deliver()
    stop.done()
  }

  /** An end of the connection is gone. While its news is on a lane that loses or stands still, the other end isn't told. */
  #broken(direction: Direction): void {
    const lane = this.#lanes[direction]
    if (lane.lossy || lane.stopped || this.#state.stall?.directions.has(direction) === true) return
    // What was regular has been passed on by an end.
    if (lane.from.errored !== null) this.cut()
    else if (lane.from.destroyed && lane.to.destroyed) this.cut()
    else if (lane.from.destroyed && !lane.to.writableEnded) lane.to.end()
  }
}

/** One direction of a connection, with what isn't delivered yet; null stands for its end. */
class Lane {
  readonly from: Socket
  readonly to: Socket
  lossy = false
  stopped = false
  answersToDeliver = 0
  deliveredBytes = 0
  #held: (Buffer | null)[] = []

  constructor(from: Socket, to: Socket) {
    this.from = from
    this.to = to
  }

  hold(chunk: Buffer | null): void {
    this.#held.push(chunk)
  }

  /** Delivers what is held, `mostBytes` of it at most; false when that wasn't all. */
  deliver(mostBytes = Infinity): boolean {
    let leftBytes = mostBytes
    for (const chunk of this.#held.splice(0)) {
      if (chunk === null) {
        if (!this.to.destroyed) this.to.end()
        continue
      }
      const part = chunk.subarray(0, Math.max(0, Math.min(chunk.length, leftBytes)))
      leftBytes -= chunk.length
      this.deliveredBytes += part.length
      if (part.length > 0 && !this.to.destroyed && !this.to.writableEnded) this.to.write(part)
      if (leftBytes < 0) return false
    }
    return true
  }

  /** Delivers as many whole answers as may pass a stop. */
  deliverAnswers(): void {
    if (this.answersToDeliver === 0) return
    const bytes = Buffer.concat(this.#held.filter(chunk => chunk !== null))
    let end = 0
    while (this.answersToDeliver > 0 && end + HEAD_BYTES <= bytes.length) {
      const next = end + 1 + bytes.readUInt32BE(end + 1)
      if (next > bytes.length) break
      if (bytes[end] === READY_FOR_QUERY) this.answersToDeliver -= 1
      end = next
    }
    const ended = this.#held.at(-1) === null
    this.#held = [bytes.subarray(end), ...(ended ? [null] : [])]
    if (end > 0) this.to.write(bytes.subarray(0, end))
  }
}
