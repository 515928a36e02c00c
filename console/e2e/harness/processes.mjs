// The programs that a run starts. Each ends with the run, even if the run is killed: the engines
// end with their standard input, and the others are ended by their id.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { PROGRAM } from './tools.mjs'

/** Time for a start, which may have to fetch the engines. */
const START = 300_000
/** Time for an orderly end. */
const STOP = 30_000
/** Number of lines that an error shows of a program's log. */
const SHOWN_LINES = 20

const running = new Set()

/** Environment of a program, without the settings of the person who runs the tests. */
function environment(changes) {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(PATRON_|GOOGLE_|OPENAI_|REDIS_|MONGODB_)/.test(name),
  )
  const bin = process.env.PATRON_BIN_DIR
  return {
    ...Object.fromEntries(kept),
    ...(bin && { PATRON_BIN_DIR: bin }),
    PATRON_LOG: 'warn',
    ...changes,
  }
}

/** A running program. */
export class Program {
  #child
  #lines = []
  #waiting = null
  #log = []
  #ended

  constructor(args, env = {}) {
    this.#child = spawn(PROGRAM, args, {
      env: environment(env),
      stdio: ['pipe', 'pipe', 'pipe'],
      // A signal from a terminal reaches only the run, which ends its programs in order.
      detached: true,
    })
    running.add(this)
    this.#ended = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        running.delete(this)
        this.#waiting?.()
        resolve(code ?? signal)
      })
      this.#child.once('error', (error) => {
        running.delete(this)
        this.#log.push(String(error))
        this.#waiting?.()
        resolve(error)
      })
    })
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.#lines.push(line)
      this.#waiting?.()
    })
    createInterface({ input: this.#child.stderr }).on('line', (line) =>
      this.#log.push(line),
    )
  }

  get pid() {
    return this.#child.pid
  }

  get log() {
    return this.#log.slice(-SHOWN_LINES).join('\n')
  }

  /** Returns the lines of output up to the first one that matches. */
  async linesUntil(pattern) {
    const deadline = Date.now() + START
    for (;;) {
      const at = this.#lines.findIndex((line) => pattern.test(line))
      if (at >= 0) return this.#lines.splice(0, at + 1)
      if (!running.has(this) || Date.now() > deadline) {
        throw new Error(`${PROGRAM} did not print ${pattern}:\n${this.log}`)
      }
      await new Promise((resolve) => {
        this.#waiting = resolve
        setTimeout(resolve, 500).unref()
      })
    }
  }

  signal(signal) {
    if (running.has(this)) process.kill(this.pid, signal)
  }

  /** Ends the program, at once with SIGKILL. */
  async stop(signal = 'SIGTERM') {
    this.signal('SIGCONT')
    this.signal(signal)
    const killed = setTimeout(() => this.signal('SIGKILL'), STOP)
    await this.#ended
    clearTimeout(killed)
  }

  /** Waits for the end; returns the exit status. */
  async end() {
    return await this.#ended
  }
}

/** Runs a program to its end; returns its output. */
export async function run(args, env) {
  const program = new Program(args, env)
  const ended = await program.end()
  if (ended !== 0)
    throw new Error(`patron ${args[0]} ended with ${ended}:\n${program.log}`)
}

/** Ends all programs, the last one first. */
export async function stopAll() {
  const programs = [...running].reverse()
  // In this order: a server waits for its engines.
  for (const program of programs) await program.stop()
}

/** Kills all programs without waiting, for the end of a run that cannot wait. */
export function killAll() {
  for (const program of running) program.signal('SIGKILL')
}

/** Starts Redis and MongoDB, which all servers of a run share. */
export async function startEngines(dir) {
  const program = new Program(['engines', '--data-dir', dir])
  const [line] = (await program.linesUntil(/^\{/)).slice(-1)
  return JSON.parse(line)
}
