import t from 'tap'
import { isAlive, leakCheck, spawnProgram, until } from '@plimsoll/testing'

leakCheck(t)

const script = (code: string): [string, ...string[]] => ['node', '-e', code]
const forever = 'setInterval(() => {}, 1000)'

await t.test('lines are found whether they came before or come later, on either stream', async t => {
  const program = await spawnProgram(
    t,
    script(`console.log('one'); setTimeout(() => console.error('two'), 20); ${forever}`),
  )
  t.equal(await program.line('two'), 'two')
  t.equal(await program.line(/^o/g), 'one')
  t.equal(await program.line(/^o/g), 'one', 'a global expression keeps no position')
  t.match(program.stdout, 'one\n')
  t.match(program.stderr, 'two\n')
})

await t.test('the last line counts without its line end, and characters survive being split', async t => {
  const program = await spawnProgram(
    t,
    script(`process.stdout.write(Buffer.from('gr\\u00fc')); setTimeout(() => process.stdout.write('n'), 20)`),
  )
  t.equal(await program.line('grün'), 'grün')
  t.strictSame(await program.exited, { code: 0, signal: null })
})

await t.test('a program that ends before the line shows how, and what it printed', async t => {
  const program = await spawnProgram(t, script(`console.log('said this'); process.exitCode = 3`))
  await t.rejects(program.line('never'), {
    code: 'TESTING_ERR_PROGRAM_ENDED',
    message: /exit code 3.*never[\s\S]*said this/,
  })
  await t.rejects(program.line('never'), { code: 'TESTING_ERR_PROGRAM_ENDED' }, 'also when asked afterwards')
})

await t.test('waiting for a line has its time-out', async t => {
  const program = await spawnProgram(t, script(forever))
  await t.rejects(program.line('never', { timeoutMs: 10 }), { code: 'TESTING_ERR_TIMEOUT' })
})

await t.test('stop asks first, and kills what does not listen', async t => {
  const polite = await spawnProgram(
    t,
    script(`process.on('SIGTERM', () => process.exit(7)); console.log('up'); ${forever}`),
  )
  await polite.line('up')
  t.strictSame(await polite.stop(), { code: 7, signal: null })
  const deaf = await spawnProgram(t, script(`process.on('SIGTERM', () => {}); console.log('up'); ${forever}`), {
    stopTimeoutMs: 20,
  })
  await deaf.line('up')
  t.strictSame(await deaf.stop(), { code: null, signal: 'SIGKILL' })
})

await t.test('teardown ends the program, and with its own group also its children', async t => {
  let pids: number[] = []
  await t.test('a test that leaves them', async t => {
    const code = `const { spawn } = require('node:child_process'); console.log('child ' + spawn('sleep', ['60']).pid); ${forever}`
    const program = await spawnProgram(t, script(code), { ownGroup: true })
    pids = [program.pid, Number((await program.line('child')).split(' ')[1])]
    t.ok(pids.every(isAlive))
  })
  await until(() => !pids.some(isAlive), { what: 'both to end' })
})

await t.test('variables are added and removed, the folder is set', async t => {
  const folder = t.testdir({})
  const program = await spawnProgram(t, script('console.log(process.cwd(), process.env.ADDED, process.env.HOME)'), {
    cwd: folder,
    env: { ADDED: 'yes', HOME: undefined },
  })
  await program.exited
  t.equal(program.stdout, `${folder} yes undefined\n`)
})

await t.test('a file that is not there rejects', async t => {
  await t.rejects(spawnProgram(t, ['/no/such/program']), { code: 'ENOENT' })
})

await t.test('as root a program can run as somebody else', { skip: process.getuid?.() !== 0 }, async t => {
  const program = await spawnProgram(t, ['id', '-u'], { uid: 65_534, gid: 65_534 })
  await program.exited
  t.equal(program.stdout, '65534\n')
})
