import t from 'tap'
import { createLogger } from '@plimsoll/telemetry'
import { withLateChildren } from '../../src/http/request-logger.ts'

await t.test(
  'a child is made when its first line is written, and its lines are those of the logger’s own child',
  async t => {
    const lines: string[] = []
    const logger = createLogger({ level: 'debug', name: 'test', destination: { write: line => void lines.push(line) } })
    let made = 0
    const counted = Object.assign(Object.create(logger) as typeof logger, {
      child(...args: Parameters<typeof logger.child>) {
        made += 1
        return logger.child(...args)
      },
    })
    const late = withLateChildren(counted)
    t.equal(late.level, 'debug')
    const child = late.child({ requestId: 'a' })
    const grandchild = child.child({ part: 'b', token: 'secret' })
    t.equal(made, 0, 'nobody has logged yet')
    for (const level of ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const)
      child[level]({ at: level, err: new Error('broken') }, 'is %s', level)
    child.info('text alone')
    grandchild.info({ token: 'secret' }, 'deeper')
    t.equal(made, 1, 'the grandchild is its parent’s')
    const parsed = lines.map(line => JSON.parse(line) as Record<string, unknown>)
    t.match(parsed, [
      ...['fatal', 'error', 'warn', 'info', 'debug'].map(level => ({
        level,
        at: level,
        requestId: 'a',
        msg: `is ${level}`,
        err: { message: 'broken', stack: String },
      })),
      { level: 'info', requestId: 'a', msg: 'text alone' },
      { requestId: 'a', part: 'b', msg: 'deeper' },
    ])
    t.equal(parsed.length, 7, 'what is below the level is not written')
    t.notMatch(lines.join(''), 'secret')
    child.level = 'error'
    child.info('not any more')
    t.equal(lines.length, 7)
  },
)
