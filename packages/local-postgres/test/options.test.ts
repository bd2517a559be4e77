import t from 'tap'
import { startLocalPostgres, type LocalPostgresOptions } from '@plimsoll/local-postgres'
import { checkOptions } from '../src/options.ts'

await t.test('the defaults are filled in, and the result is frozen', t => {
  const options = checkOptions({ folder: 'here' })
  t.match(options, {
    folder: `${process.cwd()}/here`,
    binariesFolder: `${process.cwd()}/here`,
    port: 0,
    firstPort: 15_432,
    database: 'plimsoll',
    role: 'plimsoll',
    durability: 'safe',
    maxConnections: 100,
    stopOnExit: false,
  })
  t.ok(Object.isFrozen(options))
  t.end()
})

await t.test('what is out of range or contradicts itself is refused by name, before anything happens', async t => {
  const wrong: [options: object, message: RegExp][] = [
    [{}, /`folder` is needed/],
    [{ folder: '' }, /`folder` is needed/],
    [{ folder: 'x', prot: 1 }, /no option "prot"/],
    [{ folder: 'x', port: 65_536 }, /`port` is 65536/],
    [{ folder: 'x', port: 1.5 }, /`port` is 1.5/],
    [{ folder: 'x', firstPort: 40_000 }, /`firstPort` is 40000/],
    [{ folder: 'x', maxConnections: 0 }, /`maxConnections` is 0/],
    [{ folder: 'x', durability: 'on' }, /`durability` is "on"/],
    [{ folder: 'x', database: 'postgres' }, /`database` can't be "postgres"/],
    [{ folder: 'x', role: 'postgres' }, /`role` can't be "postgres"/],
    [{ folder: 'x', role: 'pg_me' }, /`role` can't be "pg_me"/],
    [{ folder: 'x', role: 'a b' }, /`role` is "a b"/],
    [{ folder: 'x', database: 'd'.repeat(64) }, /1 to 63/],
    [{ folder: 'x', settings: { Port: '1' } }, /`settings.Port` contradicts `port`/],
    [{ folder: 'x', settings: { fsync: 'off' } }, /`settings.fsync` contradicts `durability`/],
  ]
  for (const [options, message] of wrong) {
    await t.rejects(startLocalPostgres(options as LocalPostgresOptions), {
      code: 'LOCAL_POSTGRES_ERR_BAD_OPTION',
      message,
    })
  }
})
