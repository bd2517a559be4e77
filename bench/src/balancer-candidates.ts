// Who is measured in the balancer suite, and how each is set up. All do the same work: two upstreams in turn (one where a candidate knows only
// one), keep-alive on both sides, X-Forwarded-For, no access log, one core.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import path from 'node:path'
import { findProgram, freePort, until } from '@plimsoll/testing'
import { startBalancer } from './balancer-program.ts'
import { onCore } from './pinning.ts'
import { type Program, startProgram } from './program.ts'
import type { BenchIo } from './suite.ts'

export interface CandidateSetting {
  readonly io: BenchIo
  /** Ports of the backend on 127.0.0.1. */
  readonly upstreams: readonly number[]
  /** The core to run on; null for any. */
  readonly core: number | null
  /** An empty folder of its own. */
  readonly folder: string
}

export interface RunningCandidate {
  readonly pid: number
  readonly port: number
  stop(): Promise<void>
}

export interface Candidate {
  readonly name: string
  /** The version that would run, or why it can't. */
  find(io: BenchIo): { readonly version: string } | { readonly missing: string }
  start(setting: CandidateSetting): Promise<RunningCandidate>
}

export const CANDIDATES: readonly Candidate[] = [
  { name: 'plimsoll', find: io => ({ version: manifestVersion(io.checkout) }), start: startPlimsoll },
  { name: 'nginx', find: io => installed(io, 'nginx', '-v', /nginx\/(\S+)/), start: startNginx },
  { name: 'haproxy', find: io => installed(io, 'haproxy', '-v', /version (\S+)/), start: startHaproxy },
  {
    name: 'fastify-http-proxy',
    find: () => resolvable('@fastify/http-proxy'),
    start: setting => startPeer(setting, 'fastify-http-proxy.ts'),
  },
  {
    name: 'node-http-undici',
    find: () => resolvable('undici'),
    start: setting => startPeer(setting, 'node-http-undici.ts'),
  },
  {
    name: 'node-http-agent',
    find: () => ({ version: process.version }),
    start: setting => startPeer(setting, 'node-http-agent.ts'),
  },
]

const KEPT_UPSTREAM_CONNECTIONS = 512
const START_TIMEOUT_MS = 10_000

function startPlimsoll({ io, upstreams, core }: CandidateSetting): Promise<RunningCandidate> {
  return startBalancer({
    nodePath: io.nodePath,
    file: path.join(io.checkout, 'apps/balancer/src/main.ts'),
    env: io.env,
    flags: ['--log.level=warn', ...upstreams.flatMap(port => ['--upstream', `http://127.0.0.1:${port}`])],
    core,
    signal: io.signal,
  })
}

async function startNginx({ io, upstreams, core, folder }: CandidateSetting): Promise<RunningCandidate> {
  const port = await freePort()
  const file = path.join(folder, 'nginx.conf')
  // Its worker may run as another user than root.
  chmodSync(folder, 0o777)
  const buffers = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map(kind => `  ${kind}_temp_path ${path.join(folder, kind)};`)
    .join('\n')
  // keepalive_requests: by default a connection is closed after 1000 requests, on both sides.
  writeFileSync(
    file,
    `daemon off;
worker_processes 1;
pid ${path.join(folder, 'nginx.pid')};
error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off;
${buffers}
  keepalive_requests 1000000000;
  upstream backend {
${upstreams.map(upstream => `    server 127.0.0.1:${upstream};`).join('\n')}
    keepalive ${KEPT_UPSTREAM_CONNECTIONS};
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=1024;
    location / {
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }
  }
}
`,
  )
  const command = [findProgram('nginx', io.env['PATH'] ?? '') ?? 'nginx', '-p', folder, '-e', 'stderr', '-c', file]
  return startServer('nginx', command, port, { io, core })
}

async function startHaproxy({ io, upstreams, core, folder }: CandidateSetting): Promise<RunningCandidate> {
  const port = await freePort()
  const file = path.join(folder, 'haproxy.cfg')
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  http-reuse always
  retries 1
  option forwardfor
  timeout connect 1s
  timeout client 60s
  timeout server 60s
  timeout http-request 10s
  timeout http-keep-alive 60s
listen bench
  bind 127.0.0.1:${port} backlog 1024
  balance roundrobin
${upstreams.map((upstream, i) => `  server s${i} 127.0.0.1:${upstream} check inter 2s pool-max-conn ${KEPT_UPSTREAM_CONNECTIONS}`).join('\n')}
`,
  )
  const command = [findProgram('haproxy', io.env['PATH'] ?? '') ?? 'haproxy', '-db', '-f', file]
  return startServer('HAProxy', command, port, { io, core })
}

/** A server that doesn't say when it listens: it's asked. */
async function startServer(
  name: string,
  command: readonly string[],
  port: number,
  { io, core }: Pick<CandidateSetting, 'io' | 'core'>,
): Promise<RunningCandidate> {
  const program = await startProgram({
    name,
    command: onCore(core, command),
    started: () =>
      until(() => accepts(port), { what: `${name} to listen on port ${port}`, timeoutMs: START_TIMEOUT_MS }),
    signal: io.signal,
  })
  return { pid: program.pid, port, stop: program.stop }
}

async function startPeer({ io, upstreams, core }: CandidateSetting, file: string): Promise<RunningCandidate> {
  const program: Program<number> = await startProgram({
    name: file,
    command: onCore(core, [io.nodePath, path.join(import.meta.dirname, 'peers', file)]),
    env: { ...io.env, NODE_ENV: 'production' },
    firstMessage: { upstreams },
    ready: from => ('message' in from ? (from.message as { port: number }).port : undefined),
    signal: io.signal,
  })
  return { pid: program.pid, port: program.ready, stop: program.stop }
}

function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

function installed(io: BenchIo, name: string, flag: string, version: RegExp): ReturnType<Candidate['find']> {
  const file = findProgram(name, io.env['PATH'] ?? '')
  if (file === undefined) return { missing: `${name} isn't installed (Debian: apt-get install ${name})` }
  // nginx tells its version on standard error.
  const said = execFileSync('/bin/sh', ['-c', '"$0" "$1" 2>&1', file, flag], { encoding: 'utf8' })
  return { version: version.exec(said)?.[1] ?? 'unknown' }
}

function resolvable(name: string): ReturnType<Candidate['find']> {
  const require = createRequire(import.meta.url)
  try {
    const manifest = require(`${name}/package.json`) as { version: string }
    return { version: manifest.version }
  } catch {
    return { missing: `the package ${name} isn't installed` }
  }
}

function manifestVersion(checkout: string): string {
  const require = createRequire(import.meta.url)
  return (require(path.join(checkout, 'apps/balancer/package.json')) as { version: string }).version
}

/** A folder of its own for each start. */
export function candidateFolder(temporary: string, name: string): string {
  const folder = path.join(temporary, name)
  mkdirSync(folder)
  return folder
}
