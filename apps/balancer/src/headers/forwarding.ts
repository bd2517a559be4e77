// Which fields go on to the other side, and which ones the balancer sets itself.
//
// Hop-by-hop fields concern one connection and are taken off in both directions, those that `Connection` names included
// (RFC 9110, 7.6.1). What a client says about who it is isn't believed: the forwarding fields are set anew.

const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Fields about the client that only the balancer may set. */
const SET_BY_BALANCER = new Set([
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-real-ip',
  'forwarded',
  'x-request-id',
])

/** Fields for the balancer alone, which a client must not see. */
const FOR_BALANCER_ONLY = new Set(['endpoint-load-metrics'])

function nominated(raw: readonly string[]): Set<string> | null {
  let names: Set<string> | null = null
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i]?.toLowerCase() !== 'connection') continue
    for (const token of (raw[i + 1] ?? '').split(',')) {
      const name = token.trim().toLowerCase()
      if (name !== '' && name !== 'close' && name !== 'keep-alive') (names ??= new Set()).add(name)
    }
  }
  return names
}

/** Flat list of names and values for the endpoint. `raw` is node:http's `rawHeaders`. */
export function requestFields(
  raw: readonly string[],
  client: { address: string; protocol: string; requestId: string },
): string[] {
  const named = nominated(raw)
  const out: string[] = []
  let host = ''
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? ''
    const value = raw[i + 1] ?? ''
    const lower = name.toLowerCase()
    if (lower === 'host') host = value
    if (HOP_BY_HOP.has(lower) || SET_BY_BALANCER.has(lower)) continue
    if (named?.has(lower) && lower !== 'host' && lower !== 'content-length') continue
    out.push(name, value)
  }
  if (client.address !== '') out.push('x-forwarded-for', client.address)
  out.push('x-forwarded-proto', client.protocol, 'x-request-id', client.requestId)
  if (host !== '') out.push('x-forwarded-host', host)
  return out
}

/** Flat list of names and values for the client. */
export function responseFields(raw: readonly string[], requestId: string): string[] {
  const named = nominated(raw)
  const out: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? ''
    const lower = name.toLowerCase()
    if (HOP_BY_HOP.has(lower) || FOR_BALANCER_ONLY.has(lower) || lower === 'x-request-id') continue
    if (named?.has(lower) && lower !== 'content-length') continue
    out.push(name, raw[i + 1] ?? '')
  }
  out.push('x-request-id', requestId)
  return out
}
