// What a request may take and bring, and whose word about it is believed.
import { option as Type } from '@plimsoll/config'

const closed = { additionalProperties: false } as const

export const http = Type.Object(
  {
    handlerTimeoutMs: Type.Integer({
      description:
        "Longest time for the answer to a request. Below the balancer's 10 s per try, so that clients get the API's reason.",
      unit: 'ms',
      default: 9000,
      minimum: 10,
      maximum: 600_000,
      env: 'API_HANDLER_TIMEOUT_MS',
    }),
    maxBodyBytes: Type.Integer({
      description: 'Largest body of a request; a route may set its own.',
      unit: 'bytes',
      default: 64 * 1024,
      minimum: 1024,
      maximum: 64 * 1024 * 1024,
      env: 'API_MAX_BODY_BYTES',
    }),
    operatorToken: Type.Optional(
      Type.String({
        description:
          'Bearer token for the addresses of operators, and of services that act for users. Not set: in development they are open to this machine, else to nobody.',
        minLength: 16,
        secret: true,
        env: 'API_OPERATOR_TOKEN',
      }),
    ),
    loadReport: Type.Boolean({
      description:
        'Whether answers to the balancer say how loaded the worker is (header endpoint-load-metrics); those to anybody else never do.',
      default: true,
      env: 'API_LOAD_REPORT',
    }),
    trustedProxies: Type.Array(Type.String({ maxLength: 64 }), {
      description:
        "Addresses and networks whose x-forwarded-* fields, request ids and deadlines are believed, besides whoever is on a worker's Unix socket.",
      default: [],
      env: 'API_TRUSTED_PROXIES',
      placeholder: 'ip or network',
    }),
    corsOrigins: Type.Array(Type.String({ maxLength: 256 }), {
      description:
        'Origins whose pages may read answers, with credentials: https://app.example.org, or https://*.example.org for its subdomains.',
      default: [],
      env: 'API_CORS_ORIGINS',
      placeholder: 'origin',
    }),
  },
  closed,
)
