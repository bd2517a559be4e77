import t from 'tap'
import { channels } from '@plimsoll/db-optimizer'
import { createLogger } from '@plimsoll/telemetry'
import { logRouteChanges } from '../../src/database/route-log.ts'

await t.test('a route is left with a warning and used again with a notice, and only those that were named', async t => {
  const lines: Record<string, unknown>[] = []
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) }
  const stop = logRouteChanges(createLogger({ level: 'info', name: 'test', destination }), ['pooled'])
  t.teardown(stop)
  channels.routeChanged.publish({ route: 'pooled', state: 'away', reason: 'probes-failed' })
  channels.routeChanged.publish({ route: 'probe', state: 'away', reason: 'unreachable' })
  channels.routeChanged.publish({ route: 'pooled', state: 'available', reason: undefined })
  stop()
  channels.routeChanged.publish({ route: 'pooled', state: 'away', reason: 'unreachable' })
  t.match(lines, [
    { level: 'warn', route: 'pooled', reason: 'probes-failed' },
    { level: 'info', route: 'pooled' },
  ])
  t.equal(lines.length, 2)
})
