// One upstream of a drill: a process of its own, since some faults are a process's (kill -9, a restart). Told over IPC what to be; ends with
// whoever started it, and in order on SIGTERM.
//
// The log is written synchronously: what was executed is in the kernel's hands before its answer is, and survives kill -9.
import { openSync, writeSync } from 'node:fs'
import { executionLine, type UpstreamOrder, type UpstreamReport, type UpstreamStart } from './upstream-protocol.ts'
import { UpstreamServer } from './upstream-server.ts'

let server: UpstreamServer | null = null

async function start({ name, port, logFile }: UpstreamStart): Promise<void> {
  const log = openSync(logFile, 'a')
  server = new UpstreamServer({ name, port, record: (method, id) => writeSync(log, executionLine(method, id)) })
  await server.listen()
  report({ kind: 'listening' })
}

async function obey(order: UpstreamOrder): Promise<void> {
  if (order.kind === 'start') await start(order)
  else {
    await server?.injure(order.fault)
    report({ kind: 'in-force', fault: order.fault })
  }
}

function report(message: UpstreamReport): void {
  if (process.connected) process.send?.(message)
}

process.on('message', (order: UpstreamOrder) => {
  obey(order).catch((error: unknown) => {
    const reason = (error as Error).message
    report({ kind: 'failed', reason })
    if (order.kind !== 'start') return
    process.stderr.write(`${reason}\n`)
    process.exit(1)
  })
})
process.once('disconnect', () => process.exit(0))
process.once('SIGTERM', () => {
  void Promise.resolve(server?.drain()).then(() => process.exit(0))
})
