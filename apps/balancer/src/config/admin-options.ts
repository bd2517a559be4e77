// Where health, metrics and the admin API are served, and who may ask.
import { option as Type } from '@plimsoll/config'
import { isHostName } from '../admin/host-guard.ts'
import { parseListenAddress } from '../downstream/listen-address.ts'

export const adminOptions = {
  admin: Type.String({
    description:
      'Address of health, metrics and the admin API, host:port. A port alone means 127.0.0.1: keep it off public networks.',
    default: '127.0.0.1:9901',
    env: 'ADMIN_PORT',
  }),
  adminToken: Type.String({
    description:
      'Bearer token of the admin API below /admin. Empty: one is generated at every start and printed once, on standard error.',
    default: '',
    secret: true,
    env: 'ADMIN_TOKEN',
  }),
  adminHosts: Type.Array(Type.String(), {
    description:
      'Host names by which the admin address may be asked besides IP addresses and localhost, without port; any other is refused with 421, against DNS rebinding.',
    default: [],
  }),
  adminReadOnly: Type.String({
    description:
      'Second address, host:port, that serves GET /health and GET /metrics alone, without token and under any host name: for probes and Prometheus. A port alone means 127.0.0.1. Empty: off.',
    default: '',
  }),
} as const

/** What the schema can't say. One sentence per problem. */
export function checkAdminOptions(options: {
  readonly admin: string
  readonly adminToken: string
  readonly adminHosts: readonly string[]
  readonly adminReadOnly: string
}): string[] {
  const issues: string[] = []
  const attempt = (option: string, text: string) => {
    try {
      return parseListenAddress(text, '127.0.0.1')
    } catch (error) {
      issues.push(`${option}: ${(error as Error).message}`)
      return null
    }
  }
  const admin = attempt('admin', options.admin)
  const readOnly = options.adminReadOnly === '' ? null : attempt('adminReadOnly', options.adminReadOnly)
  if (admin && readOnly && readOnly.port !== 0 && admin.port === readOnly.port && admin.host === readOnly.host)
    issues.push(
      `admin (${options.admin}) and adminReadOnly (${options.adminReadOnly}): one address can't be both; give adminReadOnly another port, or leave it empty`,
    )
  // RFC 6750, 2.1, more generously: whatever a field can carry behind the scheme.
  if (!/^[\x21-\x7e]*$/.test(options.adminToken))
    issues.push('adminToken: has characters that no Authorization field can carry; use visible ASCII without blanks')
  for (const name of options.adminHosts) {
    if (!isHostName(name))
      issues.push(`adminHosts: "${name}" is no host name; it looks like admin.example.org, without port`)
  }
  return issues
}
