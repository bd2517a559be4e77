// The sockets of a proxy, by what they are for: after a drill nothing may be left but listeners and idle connections to the upstreams.
//
// From /proc (Linux): /proc/PID/fd says which sockets a process has, /proc/PID/net/tcp between whom each is, and in which state.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { processTree } from '../../src/cpu-time.ts'

export interface ProxySockets {
  readonly listening: number
  /** Open to an upstream: the idle pool, when nothing is under way. */
  readonly upstream: number
  /** To an upstream that has closed its side, or half closed: the proxy should have let go. */
  readonly upstreamClosing: number
  /** On the port that clients connect to. */
  readonly client: number
}

interface TcpSocket {
  readonly inode: string
  readonly localPort: number
  readonly remotePort: number
  /** include/net/tcp_states.h: 1 established, 10 listening. */
  readonly state: number
}

const ESTABLISHED = 1
const LISTENING = 10

/** Of a process and its children; null where /proc isn't. */
export function proxySockets(pid: number, proxyPort: number, upstreamPorts: readonly number[]): ProxySockets | null {
  if (process.platform !== 'linux') return null
  const own = new Set(processTree(pid).flatMap(facts => socketInodes(facts.pid)))
  const tcp = ['tcp', 'tcp6'].flatMap(file => parseTcpTable(readText(`/proc/${pid}/net/${file}`)))
  const sockets = tcp.filter(socket => own.has(socket.inode))
  const count = (is: (socket: TcpSocket) => boolean) => sockets.filter(is).length
  const toUpstream = (socket: TcpSocket) => upstreamPorts.includes(socket.remotePort)
  return {
    listening: count(socket => socket.state === LISTENING),
    upstream: count(socket => toUpstream(socket) && socket.state === ESTABLISHED),
    upstreamClosing: count(socket => toUpstream(socket) && socket.state !== ESTABLISHED),
    client: count(socket => socket.localPort === proxyPort && socket.state !== LISTENING),
  }
}

/** Lines of proc_pid_net(5): "sl local_address rem_address st ... uid timeout inode", addresses as hex IP:PORT. */
export function parseTcpTable(text: string): TcpSocket[] {
  return text
    .split('\n')
    .slice(1)
    .filter(line => line.trim() !== '')
    .map(line => {
      const fields = line.trim().split(/\s+/)
      return {
        localPort: hexPort(fields[1]),
        remotePort: hexPort(fields[2]),
        state: Number.parseInt(fields[3] ?? '', 16),
        inode: fields[9] ?? '',
      }
    })
}

function hexPort(address: string | undefined): number {
  return Number.parseInt(address?.slice(address.lastIndexOf(':') + 1) ?? '', 16)
}

function socketInodes(pid: number): string[] {
  const folder = `/proc/${pid}/fd`
  try {
    return readdirSync(folder).flatMap(fd => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`${folder}/${fd}`))?.[1] ?? []
      } catch {
        // Closed since.
        return []
      }
    })
  } catch {
    // The process has ended since.
    return []
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}
