import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { createLogger, openLogFile } from '@plimsoll/telemetry'

await t.test('lines reach the file, and it rotates by size and keeps a bounded number', async t => {
  const folder = t.testdir()
  const file = await openLogFile({ path: path.join(folder, 'api-0'), maxMebibytes: 1, keptFiles: 1 })
  const logger = createLogger({ level: 'info', name: 'api', destination: file })
  const text = 'x'.repeat(64 * 1024)
  // Rotation is asynchronous: give it a turn of the loop between writes, and stop when it has happened three times.
  const rotated = async () =>
    Number(/\.(\d+)\.log$/.exec((await readdir(folder)).toSorted().at(-1) ?? '')?.[1] ?? 0) >= 3
  for (let i = 0; i < 400 && !(await rotated()); i++) logger.info({ text, i })
  logger.info('the last line')
  await file.close()
  const names = (await readdir(folder)).toSorted()
  t.ok(names.length <= 2, `at most the current file and one that is kept: ${names.join(', ')}`)
  const contents = await Promise.all(names.map(name => readFile(path.join(folder, name), 'utf8')))
  const lines = contents.join('').trimEnd().split('\n')
  t.ok(
    lines.every(line => typeof JSON.parse(line) === 'object'),
    'no line is torn by rotation',
  )
  t.match(contents.join(''), /the last line/)
})
