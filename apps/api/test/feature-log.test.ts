import t from 'tap'
import { createLogger, type LogLevel } from '@plimsoll/telemetry'
import { ALL_FEATURES, type Features } from '../src/config/feature-options.ts'
import { logFeatures } from '../src/feature-log.ts'

function logged(level: LogLevel, off: Partial<Features>) {
  const lines: Record<string, unknown>[] = []
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) }
  logFeatures(createLogger({ level, name: 'test', destination }), { ...ALL_FEATURES, ...off })
  return lines.map(({ level, category, off }) => ({ level, category, off }))
}

await t.test(
  'parts that are off are named at the start, and the missing headers also where only warnings are logged',
  async t => {
    t.same(logged('info', {}), [])
    t.match(logged('info', { compression: false, rateLimit: false }), [
      { level: 'info', category: 'startup', off: ['compression', 'rateLimit'] },
    ])
    t.match(logged('info', { security: false }), [{ off: ['security'] }, { level: 'warn', category: 'security' }])
    t.same(logged('warn', { security: false, caching: false }), [
      { level: 'warn', category: 'security', off: undefined },
    ])
  },
)
