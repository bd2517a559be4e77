import net from 'node:net'
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import * as R from 'node:fs'
const base = import.meta.dirname
const load = async (dir: string) => { const all: any[] = []; for (const f of R.readdirSync(`${base}/${dir}`)) { const m: any = await import(`${base}/${dir}/${f}`); for (const v of Object.values(m)) if (Array.isArray(v)) for (const c of v) all.push({ ...c, family: f.replace('.ts','') }) } return all }
let script: ((s: net.Socket) => void) | null = null
let hits = 0
const origin = net.createServer({ allowHalfOpen: true }, s => {
  let buf = Buffer.alloc(0); s.on('error', () => {}); s.on('end', () => s.end())
  s.on('data', d => { buf = Buffer.concat([buf, d]);
    for (;;) { const at = buf.indexOf('\r\n\r\n'); if (at === -1) return; const head = buf.subarray(0, at).toString('latin1'); let end = at + 4
      const cl = /\r\ncontent-length:\s*(\d+)/i.exec(head); const te = /\r\ntransfer-encoding:/i.test(head)
      if (te) { const e = buf.indexOf('0\r\n\r\n', at); const m = /(^|\r\n)0+\r\n([^\r\n]+\r\n)*\r\n/.exec(buf.subarray(at+2).toString('latin1')); if (!m) return; end = at + 2 + m.index + m[0].length; void e } else if (cl) { end = at + 4 + Number(cl[1]); if (buf.length < end) return }
      buf = buf.subarray(end)
      if (head.includes('/case-') && script) { script(s) } else { hits++; s.write(head.startsWith('HEAD') ? 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n' : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok') } } })
})
await new Promise<void>(r => origin.listen(0, '127.0.0.1', () => r()))
const op = (origin.address() as net.AddressInfo).port
writeFileSync('/tmp/cal/nginx.conf', `daemon off; worker_processes 1; pid /tmp/cal/n.pid; error_log /tmp/cal/n.err; events {} http { access_log off; client_body_temp_path /tmp/cal/a; proxy_temp_path /tmp/cal/b; fastcgi_temp_path /tmp/cal/c; uwsgi_temp_path /tmp/cal/d; scgi_temp_path /tmp/cal/e; upstream o { server 127.0.0.1:${op} max_fails=0; keepalive 8; } server { listen 127.0.0.1:18081; location / { proxy_pass http://o; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; } } }`)
writeFileSync('/tmp/cal/h.cfg', `global\n  maxconn 100\ndefaults\n  mode http\n  timeout client 5s\n  timeout server 5s\n  timeout connect 1s\n  timeout http-request 5s\nfrontend f\n  bind 127.0.0.1:18082\n  default_backend b\nbackend b\n  server s 127.0.0.1:${op}\n`)
const kids = [spawn('nginx', ['-c', '/tmp/cal/nginx.conf', '-e', '/tmp/cal/n.err'], { stdio: 'ignore' }), spawn('haproxy', ['-f', '/tmp/cal/h.cfg'], { stdio: 'ignore' })]
await new Promise(r => setTimeout(r, 800))
async function send(port: number, bytes: string | string[], half: boolean, wait = 60) {
  return new Promise<string>(resolve => { const s = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true }); let out = ''; let t: any
    const bump = () => { clearTimeout(t); t = setTimeout(() => { s.destroy(); resolve(out) }, wait) }
    s.on('data', d => { out += d.toString('latin1'); bump() }); s.on('error', () => {}); s.on('close', () => { clearTimeout(t); resolve(out) }); s.on('end', () => { out += ' FIN'; s.end(); })
    ;(async () => { for (const p of [bytes].flat()) { s.write(Buffer.from(p, 'latin1')); await new Promise(r => setImmediate(r)) } if (half) s.end(); bump() })() })
}
const statuses = (out: string) => [...out.matchAll(/HTTP\/1\.[01] (\d{3})/g)].map(m => m[1]).join(',')
const result: string[] = []
for (const c of await load('requests')) {
  const ours = c.answers.map((a: any) => typeof a === 'number' ? a : a.refusedHead ?? 200).join(',')
  const got: string[] = []
  for (const port of [18081, 18082]) { hits = 0; const out = await send(port, c.send, c.halfClosed ?? false); got.push(statuses(out) || (out === '' ? '-' : 'raw')) }
  const cls = (x: string) => x.split(',').map(y => /^2/.test(y) ? '2' : /^[45]/.test(y) ? 'E' : y).join('')
  const mark = cls(ours) !== cls(got[0]!) && cls(ours) !== cls(got[1]!) ? 'BOTH' : cls(ours) !== cls(got[0]!) ? 'nginx' : cls(ours) !== cls(got[1]!) ? 'haproxy' : ''
  if (mark) result.push(`${mark}\t${c.family}\t${c.name}\tours ${ours.slice(0,30)}\tnginx ${got[0]!.slice(0,30)}\thaproxy ${got[1]!.slice(0,30)}`)
}
writeFileSync('/tmp/cal/requests.txt', result.join('\n'))
const res2: string[] = []; let i = 0
for (const c of await load('answers')) {
  const ours = typeof c.outcome === 'string' ? '502' : 'cutAfter' in c.outcome ? 'cut' : String(c.outcome.status ?? 200)
  const got: string[] = []
  for (const port of [18081, 18082]) { i++; script = s => { void (async () => { for (const p of [c.answer].flat()) { s.write(Buffer.from(p, 'latin1')); await new Promise(r => setImmediate(r)) } if (c.behind === 'end') s.end(); if (c.behind === 'reset') s.resetAndDestroy() })() }
    const out = await send(port, `${c.method ?? 'GET'} /case-${i} HTTP/${c.version ?? '1.1'}\r\nHost: a.test\r\n${c.fields ?? ''}\r\n`, false, 60); got.push(statuses(out) || (out === '' ? '-' : 'raw')); }
  const fin = (x: string) => x.split(',').filter(y => !/^1/.test(y)).join(',')
  const same = (x: string) => ours === 'cut' ? true : fin(x) === ours
  const mark = !same(got[0]!) && !same(got[1]!) ? 'BOTH' : !same(got[0]!) ? 'nginx' : !same(got[1]!) ? 'haproxy' : ''
  if (mark) res2.push(`${mark}\t${c.family}\t${c.name}\tours ${ours}\tnginx ${got[0]!.slice(0,30)}\thaproxy ${got[1]!.slice(0,30)}`)
}
writeFileSync('/tmp/cal/answers.txt', res2.join('\n'))
for (const k of kids) k.kill('SIGTERM')
origin.close(); process.exit(0)
