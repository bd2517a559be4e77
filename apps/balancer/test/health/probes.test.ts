// What probes make of peers on real sockets, decent ones and hostile ones.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort, leakCheck, rawServer, until, type RawPeer, type RawServer } from '@plimsoll/testing'
import t, { type Test } from 'tap'
import { ActiveCheck } from '../../src/health/active-check.ts'
import { createProbe } from '../../src/health/create-probe.ts'
import type { CheckRequestOptions } from '../../src/health/expectation.ts'
import { connectFailure, type Probe } from '../../src/health/probe.ts'
import { parseUpstreamAddress } from '../../src/upstream/address.ts'
import { endpointAt } from './endpoint-at.ts'

leakCheck(t)

const OPTIONS: CheckRequestOptions = {
  path: '/ready',
  method: 'GET',
  expectStatus: '200-399',
  expectHeader: '',
  expectBody: '',
  host: '',
  reuseConnection: true,
}

/** A probe of what listens at a URL, closed with the test. */
function probeOf(t: Test, url: string, options: Partial<CheckRequestOptions> = {}): Probe {
  const probe = createProbe(parseUpstreamAddress(url), { ...OPTIONS, ...options })
  t.teardown(() => probe.close())
  return probe
}

/** `passed`, or the kind and the message. */
async function look(probe: Probe, signal = new AbortController().signal): Promise<string> {
  const seen = await probe.check(signal)
  return seen.kind === 'passed' ? 'passed' : `${seen.kind}: ${seen.message}`
}

/** A folder whose path is short enough for a socket. */
function socketFolder(t: Test): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'probes-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return folder
}

/** A server that answers every request with these bytes and keeps the connection. */
function answering(t: Test, bytes: string): Promise<RawServer> {
  return rawServer(t, async peer => {
    for (;;) {
      const request = await peer.readRequest().catch(() => null)
      if (request === null) return
      await peer.write(bytes)
    }
  })
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

await t.test('the request says what is checked, by whom, and for which host', async t => {
  const server = await answering(t, OK)
  const requests: string[] = []
  const listening = await rawServer(t, async peer => {
    requests.push((await peer.readUntil('\r\n\r\n')).toString('latin1'))
    await peer.write(OK)
  })
  t.equal(await look(probeOf(t, server.url)), 'passed')
  t.equal(await look(probeOf(t, listening.url)), 'passed')
  const bare = { reuseConnection: false, method: 'HEAD', host: 'api.internal' } as const
  t.equal(await look(probeOf(t, listening.url, bare)), 'passed')
  t.equal(
    requests[0],
    `GET /ready HTTP/1.1\r\nHost: 127.0.0.1:${listening.port}\r\nUser-Agent: plimsoll-health-check\r\n` +
      'Accept: */*\r\nAccept-Encoding: identity\r\n\r\n',
  )
  t.match(requests[1], /^HEAD \/ready HTTP\/1\.1\r\nHost: api\.internal\r\n(?:.+\r\n)*Connection: close\r\n/)
})

await t.test('status, field and body decide', async t => {
  const answer =
    'HTTP/1.1 201 Created\r\nX-Ready: yes\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nall\r\n6\r\n right\r\n0\r\n\r\n'
  const { url } = await answering(t, answer)
  for (const [options, seen] of [
    [{}, 'passed'],
    [{ expectStatus: '201', expectHeader: 'x-ready: yes', expectBody: 'all right' }, 'passed'],
    [{ expectStatus: '200' }, 'answer: GET /ready answered 201, expected 200'],
    [{ expectHeader: 'x-ready: no' }, 'answer: GET /ready answered with a field x-ready that does not contain "no"'],
    [{ expectBody: 'wrong' }, 'answer: GET /ready answered with a body that does not contain "wrong"'],
  ] as const) {
    t.equal(await look(probeOf(t, url, options)), seen)
  }
})

await t.test('HEAD is asked for its head, whatever length it announces', async t => {
  const server = await answering(t, 'HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n')
  const probe = probeOf(t, server.url, { method: 'HEAD' })
  t.equal(await look(probe), 'passed')
  t.equal(await look(probe), 'passed')
  t.equal(server.peers.length, 1)
})

await t.test('a connection is reused when the endpoint keeps it, for 30 checks', async t => {
  const server = await answering(t, OK)
  const probe = probeOf(t, server.url)
  for (let i = 0; i < 30; i++) t.equal(await look(probe), 'passed')
  t.equal(server.peers.length, 1)
  t.equal(await look(probe), 'passed')
  t.equal(server.peers.length, 2)
})

await t.test('a connection is not reused when either side does not want it, nor behind a failure', async t => {
  const keeping = await answering(t, OK)
  const never = probeOf(t, keeping.url, { reuseConnection: false })
  const failing = probeOf(t, keeping.url, { expectBody: 'x' })
  for (let i = 0; i < 2; i++) {
    t.equal(await look(never), 'passed')
    t.match(await look(failing), /^answer/)
  }
  t.equal(keeping.peers.length, 4)
  for (const answer of [
    'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok',
    `${OK}unasked`,
  ]) {
    const closing = await answering(t, answer)
    const probe = probeOf(t, closing.url)
    t.equal(await look(probe), 'passed')
    t.equal(await (await closing.peer(0)).expectClosed(), 'ended')
    t.equal(await look(probe), 'passed')
    t.equal(closing.peers.length, 2)
  }
})

await t.test('a body that ends with the connection counts when it has ended', async t => {
  const server = await rawServer(t, async peer => {
    await peer.readRequest()
    await peer.write('HTTP/1.1 200 OK\r\n\r\nall ')
    await peer.write('right')
    peer.end()
  })
  t.equal(await look(probeOf(t, server.url, { expectBody: 'all right' })), 'passed')
})

await t.test('a kept connection that was closed or reset is opened again, which is no failure', async t => {
  for (const leave of [(peer: RawPeer) => peer.end(), (peer: RawPeer) => peer.reset()]) {
    const server = await rawServer(t, async (peer, index) => {
      await peer.readRequest()
      await peer.write(OK)
      if (index > 0) return
      // The second request meets the close.
      await peer.readUntil('GET')
      leave(peer)
    })
    const probe = probeOf(t, server.url)
    t.equal(await look(probe), 'passed')
    t.equal(await look(probe), 'passed')
    t.equal(server.peers.length, 2)
  }
})

await t.test('a kept connection that closes between two checks costs nothing', async t => {
  const server = await rawServer(t, async peer => {
    await peer.readRequest()
    await peer.write(OK)
    peer.end()
  })
  const probe = probeOf(t, server.url)
  t.equal(await look(probe), 'passed')
  await (await server.peer(0)).expectClosed()
  t.equal(await look(probe), 'passed')
})

await t.test('bytes that nobody asked for close a kept connection', async t => {
  const server = await rawServer(t, async peer => {
    await peer.readRequest()
    await peer.write(OK)
  })
  const probe = probeOf(t, server.url)
  t.equal(await look(probe), 'passed')
  const first = await server.peer(0)
  await first.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  await first.expectClosed()
  t.equal(await look(probe), 'passed')
  t.equal(server.peers.length, 2)
})

await t.test('close lets go of what is kept, and the next check opens anew', async t => {
  const server = await answering(t, OK)
  const probe = probeOf(t, server.url)
  t.equal(await look(probe), 'passed')
  probe.close()
  t.equal(await (await server.peer(0)).expectClosed(), 'ended')
  t.equal(await look(probe), 'passed')
  t.equal(server.peers.length, 2)
})

await t.test('interim answers are passed over, a flood of them is not', async t => {
  const interim = 'HTTP/1.1 103 Early Hints\r\n\r\n'
  const few = await answering(t, interim.repeat(3) + OK)
  t.equal(await look(probeOf(t, few.url)), 'passed')
  const flood = await answering(t, interim.repeat(1000) + OK)
  t.match(await look(probeOf(t, flood.url)), /^answer: GET \/ready answered no HTTP: .*\(HTTP1_ERR_INTERIM_FLOOD\)$/)
})

await t.test('garbage, an endless head and a cut answer are wrong answers', async t => {
  for (const [bytes, seen] of [
    ['SSH-2.0-OpenSSH_9.9\r\n', /^answer: GET \/ready answered no HTTP: /],
    ['\0\0\0\0\0\0', /^answer: GET \/ready answered no HTTP: /],
    [`HTTP/1.1 200 OK\r\n${'X-Long: x\r\n'.repeat(10_000)}`, /^answer: GET \/ready answered no HTTP: /],
    [`HTTP/1.1 200 OK\r\nX-Long: ${'x'.repeat(100_000)}`, /^answer: GET \/ready answered no HTTP: /],
    ['HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n', /^answer: /],
  ] as const) {
    const server = await answering(t, bytes)
    t.match(await look(probeOf(t, server.url)), seen)
  }
  for (const [bytes, when] of [
    ['', 'before it answered'],
    ['HTTP/1.1 200 OK\r\n', 'in the middle of its answer'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc', 'in the middle of its answer'],
  ] as const) {
    const server = await rawServer(t, async peer => {
      await peer.readRequest()
      if (bytes !== '') await peer.write(bytes)
      peer.end()
    })
    t.equal(await look(probeOf(t, server.url)), `answer: GET /ready closed the connection ${when}`)
  }
})

await t.test('a reset is a wrong answer, not a refused connection', async t => {
  const server = await rawServer(t, async peer => {
    await peer.readRequest()
    peer.reset()
  })
  t.equal(
    await look(probeOf(t, server.url)),
    'answer: GET /ready closed the connection before it answered (ECONNRESET)',
  )
})

await t.test('of a long or endless body the first 64 KiB decide, and the connection is not kept', async t => {
  const endless = await rawServer(t, async peer => {
    await peer.readRequest()
    await peer.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
    const chunk = `1000\r\n${'all right '.repeat(409)}......\r\n`
    while (peer.state === 'open' && !peer.socket.destroyed) {
      // The probe leaves in the middle.
      if (
        !(await peer.write(chunk).then(
          () => true,
          () => false,
        ))
      )
        return
    }
  })
  t.equal(await look(probeOf(t, endless.url)), 'passed')
  t.equal(await look(probeOf(t, endless.url, { expectBody: 'all right' })), 'passed')
  t.match(await look(probeOf(t, endless.url, { expectBody: 'wrong' })), /does not contain "wrong"/)
  const late = await answering(t, `HTTP/1.1 200 OK\r\nContent-Length: 65546\r\n\r\n${'.'.repeat(65_536)}very late.`)
  t.match(await look(probeOf(t, late.url, { expectBody: 'late' })), /does not contain "late"/)
  const kept = probeOf(t, late.url)
  for (const connections of [2, 3]) {
    t.equal(await look(kept), 'passed')
    t.equal(late.peers.length, connections, 'its body is longer than what is read, so its end is unknown')
  }
  const just = await answering(t, `HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n${'.'.repeat(65_528)}in time.`)
  const probe = probeOf(t, just.url, { expectBody: 'in time.' })
  t.equal(await look(probe), 'passed')
  t.equal(await look(probe), 'passed')
  t.equal(just.peers.length, 1)
})

await t.test('silence, at any point, and a drip end with the time of the check, and with its connection', async t => {
  for (const [name, bytes] of [
    ['silence', ''],
    ['half a head', 'HTTP/1.1 200 OK\r\nServer'],
    ['half a body', 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok'],
  ] as const) {
    const { promise: written, resolve } = Promise.withResolvers<void>()
    const server = await rawServer(t, async peer => {
      await peer.readRequest()
      if (bytes !== '') await peer.write(bytes)
      resolve()
    })
    const controller = new AbortController()
    const seen = look(probeOf(t, server.url), controller.signal)
    await written
    controller.abort()
    t.equal(await seen, 'timeout: GET /ready: no whole answer in time', name)
    // A reset when its last bytes had not been read.
    t.match(await (await server.peer(0)).expectClosed(), /ended|reset/, name)
  }
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>()
  const drip = await rawServer(t, async peer => {
    await peer.readRequest()
    await peer.writeSlowly(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(5000)}`, { pauseMs: 2 }).catch(stop)
  })
  t.equal(await look(probeOf(t, drip.url), AbortSignal.timeout(100)), 'timeout: GET /ready: no whole answer in time')
  // Its writes fail because the probe has closed the connection.
  await stopped
})

await t.test('a check that is stopped before it began opens nothing', async t => {
  const server = await answering(t, OK)
  t.match(await look(probeOf(t, server.url), AbortSignal.abort()), /^connect: /)
  t.match(await look(probeOf(t, server.url, { path: '' }), AbortSignal.abort()), /^connect: /)
})

await t.test('a refused connection is told apart from everything else, with a path and without', async t => {
  const url = `http://127.0.0.1:${await freePort()}`
  t.equal(await look(probeOf(t, url)), 'connect: GET /ready: ECONNREFUSED')
  t.equal(await look(probeOf(t, url, { path: '' })), 'connect: connect: ECONNREFUSED')
  const nowhere = `unix:${path.join(socketFolder(t), 'none.sock')}`
  t.equal(await look(probeOf(t, nowhere)), 'connect: GET /ready: ENOENT')
  t.equal(await look(probeOf(t, nowhere, { path: '' })), 'connect: connect: ENOENT')
})

await t.test('what this process has run out of says nothing about the endpoint', t => {
  const failure = (code: string) => connectFailure(Object.assign(new Error('x'), { code }))
  for (const code of ['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'ENOMEM']) {
    t.same(failure(code), { kind: 'not-made', message: code })
  }
  for (const code of ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'ENOENT', 'EACCES']) {
    t.same(failure(code), { kind: 'connect', message: code })
  }
  t.same(connectFailure(null), { kind: 'connect', message: 'closed' })
  t.end()
})

await t.test('without a path a connection that opens passes, and is closed', async t => {
  const server = await rawServer(t)
  t.equal(await look(probeOf(t, server.url, { path: '' })), 'passed')
  const peer = await server.peer(0)
  t.equal(await peer.expectClosed(), 'ended')
  t.equal(peer.unread.length, 0)
})

await t.test('over a Unix socket the host is localhost', async t => {
  const socket = path.join(socketFolder(t), 'a.sock')
  let host: string | undefined
  const server = await rawServer(
    t,
    async peer => {
      host = (await peer.readRequest()).header('host')
      await peer.write(OK)
    },
    { path: socket },
  )
  t.equal(await look(probeOf(t, server.url)), 'passed')
  t.equal(host, 'localhost')
})

await t.test(
  'a check at work with real timers reuses its connection, and leaves nothing when it is stopped',
  async t => {
    const server = await answering(t, OK)
    const endpoint = endpointAt(server.url)
    let passes = 0
    const check = new ActiveCheck(
      endpoint,
      { intervalMs: 10, changingIntervalMs: 10, timeoutMs: 1000, fall: 3, rise: 2 },
      createProbe(endpoint.address, OPTIONS),
      { next: () => 0.5 },
      {
        setHealth: (health, reason) => endpoint.setHealth(health, reason),
        onChecked: (_, passesInRow) => {
          passes = passesInRow
        },
      },
    )
    t.teardown(() => check.stop())
    check.start()
    await until(() => passes >= 4, { what: 'four checks that pass' })
    t.equal(endpoint.health, 'up')
    t.equal(server.peers.length, 1)
    check.stop()
    t.equal(await (await server.peer(0)).expectClosed(), 'ended')
  },
)
