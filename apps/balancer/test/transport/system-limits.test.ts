import t from 'tap'
import { connectionRoom, limitWarnings, parseOpenFiles, readSystemLimits } from '../../src/transport/system-limits.ts'

const LIMITS = `Limit                     Soft Limit           Hard Limit           Units
Max processes             127544               127544               processes
Max open files            1024                 524288               files
Max locked memory         8388608              8388608              bytes
`
const wanted = { maxConnections: 20_000, backlog: 1024 }

await t.test('the soft limit is read, whatever form it has', t => {
  t.equal(parseOpenFiles(LIMITS), 1024)
  t.equal(parseOpenFiles(LIMITS.replace('1024 ', 'unlimited ')), Infinity)
  t.equal(parseOpenFiles(''), null)
  t.end()
})

await t.test('what is too low is named with its remedy', t => {
  const warnings = limitWarnings({ openFiles: 1024, openNow: 20, somaxconn: 128 }, wanted)
  t.same(
    warnings.map(({ code }) => code),
    ['LB_WARN_OPEN_FILES', 'LB_WARN_BACKLOG'],
  )
  t.match(warnings[0]?.message, /may have 1024\. Raise ulimit -n .* to 40064, or set limits\.maxConnections to 480\./)
  t.match(warnings[1]?.message, 'sysctl -w net.core.somaxconn=1024')
  t.end()
})

await t.test('what is enough, or not known, is not warned of', t => {
  t.same(limitWarnings({ openFiles: 40_064, openNow: 20, somaxconn: 1024 }, wanted), [])
  t.same(limitWarnings({ openFiles: Infinity, openNow: 20, somaxconn: 4096 }, wanted), [])
  t.same(limitWarnings({ openFiles: null, openNow: null, somaxconn: null }, wanted), [])
  t.same(limitWarnings({ openFiles: 1024, openNow: 20, somaxconn: 1024 }, { ...wanted, maxConnections: 0 }), [])
  t.end()
})

await t.test('some descriptors stay free', t => {
  t.equal(connectionRoom({ openFiles: 40, openNow: 25, somaxconn: null }), 11)
  t.equal(connectionRoom({ openFiles: 1024, openNow: 24, somaxconn: null }), 936)
  t.equal(connectionRoom({ openFiles: 1_000_000, openNow: 0, somaxconn: null }), 999_936)
  t.equal(connectionRoom({ openFiles: null, openNow: 25, somaxconn: null }), Infinity)
  t.end()
})

await t.test('this system says something, or null', t => {
  for (const value of Object.values(readSystemLimits())) t.ok(value === null || value > 0)
  t.end()
})
