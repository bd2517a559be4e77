import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { requireProgram } from '@plimsoll/testing'
import t from 'tap'

const file = path.resolve(import.meta.dirname, '../../prometheus/prometheus.yml')

await t.test('Prometheus scrapes the balancer and the API fleet at their default addresses', async t => {
  const text = readFileSync(file, 'utf8')
  for (const address of ['127.0.0.1:9901', '127.0.0.1:9902']) t.ok(text.includes(`'${address}'`), address)
})

await t.test('promtool accepts the configuration', async t => {
  const promtool = requireProgram(t, 'promtool')
  if (promtool === undefined) return
  const { stdout } = await promisify(execFile)(promtool, ['check', 'config', file])
  t.match(stdout, /SUCCESS/)
})
