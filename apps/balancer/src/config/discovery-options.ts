// Where the list of endpoints comes from besides the flags.
import { option as Type, type DeepReadonly } from '@plimsoll/config'
import type { Static } from 'typebox'
import { discoveryOptionIssues } from '../discovery/discovery.ts'

export const discoveryOptions = Type.Object(
  {
    file: Type.String({
      description:
        'JSON file that lists the endpoints and is replaced when they change; watched. Empty: only the other sources count.',
      default: '',
    }),
    pollMs: Type.Integer({
      description:
        "How often the file is looked at besides the file system's own events, which some mounts do not deliver.",
      unit: 'ms',
      default: 1000,
      minimum: 50,
      maximum: 60_000,
    }),
    dns: Type.Array(Type.String(), {
      description:
        "Names whose addresses (A and AAAA) are endpoints, one flag each: http://name:port. Looked up again when the answer's time to live is over. A full name: search lists and /etc/hosts are not used. When a look-up fails or finds nothing, the last list stays.",
      default: [],
      placeholder: 'http://name:port',
    }),
    srv: Type.Array(Type.String(), {
      description:
        'Services whose SRV records name the endpoints with port and weight, one flag each: _http._tcp.name. Only records of the lowest priority number are used.',
      default: [],
      placeholder: '_http._tcp.name',
    }),
    dnsServers: Type.Array(Type.String(), {
      description:
        "Name servers to ask, one flag each: an address, with a port or without. None: the system's, from resolv.conf.",
      default: [],
      placeholder: 'address:port',
    }),
    dnsFamily: Type.Union([Type.Literal('both'), Type.Literal('ipv4'), Type.Literal('ipv6')], {
      description:
        'Which addresses of a name are endpoints. A server with an address of each kind is two endpoints, unless only one kind is asked for.',
      default: 'both',
    }),
    dnsMinTtlMs: Type.Integer({
      description:
        'A shorter time to live counts as this; also the first wait after a look-up that failed, which then doubles.',
      unit: 'ms',
      default: 1000,
      minimum: 10,
      maximum: 3_600_000,
    }),
    dnsMaxTtlMs: Type.Integer({
      description:
        'A longer time to live counts as this; also the longest wait after look-ups that failed. At least dns-min-ttl-ms.',
      unit: 'ms',
      default: 60_000,
      minimum: 10,
      maximum: 86_400_000,
    }),
    dnsTimeoutMs: Type.Integer({
      description: 'A look-up that takes longer has failed; a start waits no longer than this for name servers.',
      unit: 'ms',
      default: 2000,
      minimum: 10,
      maximum: 60_000,
    }),
    srvRefreshMs: Type.Integer({
      description: 'How often services are looked up: the resolver does not tell the time to live of SRV records.',
      unit: 'ms',
      default: 10_000,
      minimum: 10,
      maximum: 3_600_000,
    }),
  },
  { additionalProperties: false },
)

/** What the schema can't say: values that don't parse or contradict each other. One sentence per problem. */
export function discoveryIssues(discovery: DeepReadonly<Static<typeof discoveryOptions>>): string[] {
  return discoveryOptionIssues(discovery).map(issue => `discovery.${issue}`)
}
