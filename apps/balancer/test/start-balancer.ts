// A balancer inside the test's process, with real sockets: started from flags as the command line would, stopped with the test.
import { loadConfig } from '@plimsoll/config'
import { createLogger } from '@plimsoll/telemetry'
import type { Test } from 'tap'
import { createBalancer, balancerProgram } from '../src/index.ts'

export interface RunningBalancer {
  /** `http://127.0.0.1:port` of the service and of the admin API. */
  readonly url: string
  readonly adminUrl: string
  readonly port: number
  /** Resolves with the number of requests that were cut. */
  stop(): Promise<number>
  /** Resolves as soon as that many endpoints may take requests. */
  available(count: number): Promise<void>
}

const FAST = [
  '--listen=127.0.0.1:0',
  '--admin=127.0.0.1:0',
  '--log.level=silent',
  '--strategy=round-robin',
  '--health.interval-ms=50',
  '--health.changing-interval-ms=20',
  '--shutdown.grace-ms=0',
  '--shutdown.drain-ms=2000',
]

/** Flags replace the fast defaults above; one upstream flag per URL. Waits until all of them are up unless told not to. */
export async function startBalancer(
  t: Test,
  upstreams: readonly string[],
  flags: readonly string[] = [],
  { waitForAll = true } = {},
): Promise<RunningBalancer> {
  const given = new Set(flags.map(flag => flag.split('=')[0]))
  const argv = [
    ...FAST.filter(flag => !given.has(flag.split('=')[0])),
    ...flags,
    ...upstreams.map(url => `--upstream=${url}`),
  ]
  const loaded = loadConfig(balancerProgram, { env: {}, argv })
  if (loaded.kind !== 'run') throw new Error('the flags ask for help')
  const balancer = createBalancer(loaded.config, {
    logger: createLogger({ level: 'silent', name: 'balancer' }),
    random: { next: () => 0.5 },
  })
  t.teardown(() => balancer.stop())
  const addresses = await balancer.start()
  const running: RunningBalancer = {
    url: `http://${addresses.listen}`,
    adminUrl: `http://${addresses.admin}`,
    port: Number(addresses.listen.split(':').at(-1)),
    stop: () => balancer.stop(),
    async available(count) {
      for (let i = 0; i < 500; i++) {
        const health = (await (await fetch(`${running.adminUrl}/health`)).json()) as { available: number }
        if (health.available === count) return
        await new Promise(resolve => setTimeout(resolve, 10))
      }
      throw new Error(
        `waited 5 s for ${count} available endpoints: ${await (await fetch(`${running.adminUrl}/health`)).text()}`,
      )
    },
  }
  if (waitForAll && upstreams.length > 0) await running.available(upstreams.length)
  return running
}
