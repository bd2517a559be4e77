// A name server on 127.0.0.1 that answers what the test says, over UDP and TCP: right, wrong, in part, or not at all.
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import dnsPacket, { type Answer, type DecodedPacket } from 'dns-packet'
import type { Test } from 'tap'

export type QueryType = 'A' | 'AAAA' | 'SRV'

/** Response codes of RFC 1035, 4.1.1. */
const RCODES = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const

/**
 * Records; a response code, without records; `silence`; `garbage`: bytes that are no message, though with the right id; `cut`: TC is set over
 * UDP and the records come over TCP; `half`: the message ends in the middle of its records.
 */
export type Reaction =
  | { readonly records: readonly Answer[]; readonly how?: 'whole' | 'cut' | 'half' }
  | Exclude<keyof typeof RCODES, 'NOERROR'>
  | 'silence'
  | 'garbage'

export class NameServer {
  readonly #reactions = new Map<string, Reaction>()
  readonly #udp: UdpSocket
  readonly #tcp: Server
  readonly #open = new Set<Socket>()
  /** Questions so far: `A api.test`. Repeated ones count again. */
  readonly questions: string[] = []
  /** Questions that came over TCP. */
  tcpQuestions = 0

  private constructor(udp: UdpSocket, tcp: Server) {
    this.#udp = udp
    this.#tcp = tcp
    udp.on('message', (bytes, from) => this.#onMessage(bytes, from))
    tcp.on('connection', socket => this.#onConnection(socket))
  }

  /** Stopped with the test. */
  static async start(t: Test): Promise<NameServer> {
    // A number that's free among TCP's ports may be taken among UDP's.
    for (let left = 10; ; left--) {
      const tcp = createServer()
      tcp.listen(0, '127.0.0.1')
      await once(tcp, 'listening')
      const udp = createSocket('udp4')
      udp.bind((tcp.address() as AddressInfo).port, '127.0.0.1')
      try {
        await once(udp, 'listening')
      } catch (error) {
        tcp.close()
        udp.close()
        if (left === 0) throw error
        continue
      }
      const server = new NameServer(udp, tcp)
      t.teardown(() => server.#stop())
      return server
    }
  }

  /** `127.0.0.1:port` */
  get address(): string {
    return `127.0.0.1:${(this.#tcp.address() as AddressInfo).port}`
  }

  /** What is answered from now on. Everything else doesn't exist. */
  set(type: QueryType, name: string, reaction: Reaction): void {
    this.#reactions.set(`${type} ${name}`, reaction)
  }

  /** A records with one time to live. */
  setAddresses(name: string, addresses: readonly string[], ttl = 60): void {
    const records = (type: 'A' | 'AAAA', of: readonly string[]) => ({
      records: of.map(data => ({ type, name, ttl, data })),
    })
    this.set(
      'A',
      name,
      records(
        'A',
        addresses.filter(address => !address.includes(':')),
      ),
    )
    this.set(
      'AAAA',
      name,
      records(
        'AAAA',
        addresses.filter(address => address.includes(':')),
      ),
    )
  }

  count(question: string): number {
    return this.questions.filter(each => each === question).length
  }

  #onMessage(bytes: Buffer, from: RemoteInfo): void {
    const answer = this.#answer(dnsPacket.decode(bytes), false)
    if (answer !== null) this.#udp.send(answer, from.port, from.address)
  }

  #onConnection(socket: Socket): void {
    this.#open.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => this.#open.delete(socket))
    // One query in one piece, which is what c-ares sends.
    socket.on('data', (bytes: Buffer) => {
      this.tcpQuestions++
      const answer = this.#answer(dnsPacket.decode(bytes.subarray(2)), true)
      if (answer === null) return
      const length = Buffer.alloc(2)
      length.writeUInt16BE(answer.length)
      socket.write(Buffer.concat([length, answer]))
    })
  }

  #answer(query: DecodedPacket, overTcp: boolean): Buffer | null {
    const [question] = query.questions ?? []
    if (question === undefined) return null
    const key = `${question.type} ${question.name}`
    this.questions.push(key)
    const reaction = this.#reactions.get(key) ?? 'NXDOMAIN'
    if (reaction === 'silence') return null
    const { id = 0, questions = [] } = query
    const encode = (answers: readonly Answer[], flags: number) =>
      dnsPacket.encode({
        type: 'response',
        id,
        flags: dnsPacket.RECURSION_DESIRED | dnsPacket.RECURSION_AVAILABLE | flags,
        questions,
        answers: [...answers],
      })
    if (reaction === 'garbage') {
      const bytes = encode([], 0)
      return Buffer.concat([bytes.subarray(0, 6), Buffer.from('ffffffffffffc0c0c0ff', 'hex')])
    }
    if (typeof reaction === 'string') return encode([], RCODES[reaction])
    const { records, how = 'whole' } = reaction
    if (how === 'cut' && !overTcp) return encode([], dnsPacket.TRUNCATED_RESPONSE)
    const whole = encode(records, 0)
    return how === 'half' ? whole.subarray(0, whole.length - 3) : whole
  }

  async #stop(): Promise<void> {
    for (const socket of this.#open) socket.destroy()
    this.#udp.close()
    await new Promise(resolve => this.#tcp.close(resolve))
  }
}
