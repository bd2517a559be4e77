// Who is drilled: each is started by its command line, as its user would, set to what the drill sets ours to, and otherwise as it comes.
//
// All: round-robin over three upstreams, connect 1 s, per try 2 s, kept connections on both sides, no access log. HAProxy checks the health path every
// 500 ms as ours does; it takes an upstream out after 2 failed checks, as with its default of 3 a hang lasts longer than they take (7.4 % failed, with 2
// 4.6 %). nginx without its paid part has no checks: it takes an upstream out for fail_timeout after a failed request. 1 s is what two checks take; with
// its default of 10 s a rolling restart left it without upstreams, and half of the requests failed. What is sent again, and when, is left at each one's
// defaults: that's what the drill compares.
import { execFileSync } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import path from 'node:path'
import { findProgram, freePort, until } from '@plimsoll/testing'
import { startBalancer } from '../../src/balancer-program.ts'
import { startProgram } from '../../src/program.ts'
import { HEALTH_PATH } from './upstream/upstream-protocol.ts'

export interface ProxySetting {
  /** Ports of the upstreams on 127.0.0.1. */
  readonly upstreams: readonly number[]
  /** An empty folder of its own. */
  readonly folder: string
  readonly nodePath: string
  /** The program file of our balancer. */
  readonly balancer: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
}

export interface RunningProxy {
  readonly pid: number
  readonly port: number
  stop(): Promise<void>
}

export interface Proxy {
  readonly name: string
  /** Its version, or why it can't be drilled. */
  find(env: Readonly<Record<string, string | undefined>>): { readonly version: string } | { readonly missing: string }
  start(setting: ProxySetting): Promise<RunningProxy>
}

export const OURS = 'plimsoll'

export const CHECK_INTERVAL_MS = 500
export const CONNECT_MS = 1000
export const TRY_MS = 2000
export const TOTAL_MS = 5000
/** Idle connections that each proxy keeps to an upstream, at most. */
export const MAX_IDLE_PER_UPSTREAM = 256

const START_TIMEOUT_MS = 20_000

export const PROXIES: readonly Proxy[] = [
  { name: OURS, find: () => ({ version: 'of this tree' }), start: startOurs },
  { name: 'nginx', find: env => installed(env, 'nginx', /nginx\/(\S+)/), start: startNginx },
  { name: 'haproxy', find: env => installed(env, 'haproxy', /version (\S+)/), start: startHaproxy },
]

function startOurs({ upstreams, nodePath, balancer, env, signal }: ProxySetting): Promise<RunningProxy> {
  const flags = [
    ...upstreams.map(port => ['--upstream', `http://127.0.0.1:${port}`]),
    ['--strategy', 'round-robin'],
    ['--health.path', HEALTH_PATH],
    ['--health.interval-ms', String(CHECK_INTERVAL_MS)],
    ['--timeouts.connect-ms', String(CONNECT_MS)],
    ['--timeouts.try-ms', String(TRY_MS)],
    ['--timeouts.total-ms', String(TOTAL_MS)],
    ['--log.level', 'error'],
  ].flat()
  return startBalancer({ nodePath, file: balancer, env, flags, signal })
}

async function startNginx({ upstreams, folder, env, signal }: ProxySetting): Promise<RunningProxy> {
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
error_log ${path.join(folder, 'error.log')} error;
events { worker_connections 8192; }
http {
  access_log off;
${buffers}
  keepalive_timeout 75s;
  keepalive_requests 1000000000;
  upstream drilled {
${upstreams.map(upstream => `    server 127.0.0.1:${upstream} max_fails=1 fail_timeout=1s;`).join('\n')}
    keepalive ${MAX_IDLE_PER_UPSTREAM};
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=1024;
    location / {
      proxy_pass http://drilled;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_connect_timeout ${CONNECT_MS}ms;
      proxy_send_timeout ${TRY_MS}ms;
      proxy_read_timeout ${TRY_MS}ms;
      proxy_next_upstream_timeout ${TOTAL_MS}ms;
    }
  }
}
`,
  )
  const command = [program('nginx', env), '-p', folder, '-e', 'stderr', '-c', file]
  return startServer('nginx', command, port, signal)
}

async function startHaproxy({ upstreams, folder, env, signal }: ProxySetting): Promise<RunningProxy> {
  const port = await freePort()
  const file = path.join(folder, 'haproxy.cfg')
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn 8192
defaults
  mode http
  retries 3
  option redispatch 1
  timeout connect ${CONNECT_MS}ms
  timeout client 60s
  timeout server ${TRY_MS}ms
  timeout queue ${TOTAL_MS}ms
  timeout http-request 10s
  timeout http-keep-alive 60s
listen drilled
  bind 127.0.0.1:${port} backlog 1024
  balance roundrobin
  option httpchk GET ${HEALTH_PATH}
  http-check expect status 200
  default-server check inter ${CHECK_INTERVAL_MS}ms fall 2 rise 2 pool-max-conn ${MAX_IDLE_PER_UPSTREAM}
${upstreams.map((upstream, i) => `  server s${i} 127.0.0.1:${upstream}`).join('\n')}
`,
  )
  return startServer('HAProxy', [program('haproxy', env), '-db', '-f', file], port, signal)
}

/** A server that doesn't say when it listens: it's asked. */
async function startServer(
  name: string,
  command: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<RunningProxy> {
  const started = await startProgram({
    name,
    command,
    started: () =>
      until(() => accepts(port), { what: `${name} to listen on port ${port}`, timeoutMs: START_TIMEOUT_MS }),
    signal,
  })
  return { pid: started.pid, port, stop: started.stop }
}

function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

function installed(env: ProxySetting['env'], name: string, version: RegExp): ReturnType<Proxy['find']> {
  const file = findProgram(name, env['PATH'] ?? '')
  if (file === undefined) return { missing: `${name} isn't installed (Debian: apt-get install ${name})` }
  // nginx tells its version on standard error.
  const said = execFileSync('/bin/sh', ['-c', '"$0" -v 2>&1', file], { encoding: 'utf8' })
  return { version: version.exec(said)?.[1] ?? 'unknown' }
}

function program(name: string, env: ProxySetting['env']): string {
  return findProgram(name, env['PATH'] ?? '') ?? name
}
