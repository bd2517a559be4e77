import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { ProcessorAccount } from '../../src/field-reports/processor-account.ts'

const BURN_US = 30_000

await t.test('processor time goes to the part that used it, children included, from the beginning on', async t => {
  // Computes when it's told to, and says when it has.
  const program = `process.stdin.on('data', () => {
    const until = process.cpuUsage()
    while (process.cpuUsage(until).user < ${BURN_US});
    process.stdout.write('done')
  })
  process.stdout.write('up')`
  const child = spawn(process.execPath, ['-e', program, 'burner'], { stdio: ['pipe', 'pipe', 'ignore'] })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  const partOf = (command: string) => (command.includes('burner') ? 'burner' : 'the test')
  const account = new ProcessorAccount([{ pid: process.pid, partOf }])
  const idle = account.begin()
  const used = account.begin()
  child.stdin.write('go')
  await once(child.stdout, 'data')
  const { burner = 0, 'the test': own = 0 } = used()
  t.ok(burner >= BURN_US / 2, `${burner} µs`)
  t.ok(own > 0)
  t.ok((idle()['burner'] ?? 0) >= burner)
})
