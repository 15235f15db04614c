import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../../dist/cli.js', import.meta.url));

export type Env = Readonly<Record<string, string>>;

export interface Ended {
  /** 128 + signal where a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const alive = new Set<ChildProcess>();

/** Ends what a test that failed has left running. */
export function endAll(): void {
  for (const child of alive) child.kill('SIGKILL');
}
process.on('exit', endAll);

/** A process of the built command line, with nothing of our own settings in its environment. */
export class Isthmus {
  readonly #child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[], env: Env = {}) {
    const own = Object.entries(process.env).filter(
      ([name]) => !/^(ISTHMUS_|KAFKA_|OTEL_|SCHEMA_REGISTRY)/.test(name),
    );
    this.#child = spawn(process.execPath, [CLI, ...args], {
      env: { ...Object.fromEntries(own), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    alive.add(this.#child);
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk;
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk;
    });
    this.ended = once(this.#child, 'close').then(([code, signal]) => {
      alive.delete(this.#child);
      return {
        code: (code as number | null) ?? (signal === 'SIGKILL' ? 137 : 143),
        stdout: this.stdout,
        stderr: this.stderr,
      };
    });
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /**
   * Waits until `holds`; the process's own words are in the error where it does not. A question that gets no
   * answer is asked again: on a crowded machine connections are given up.
   */
  async until(holds: () => boolean | Promise<boolean>, what: string, withinMs = 100_000) {
    const end = Date.now() + withinMs;
    let cause: unknown;
    const looked = async (): Promise<boolean> => {
      try {
        return await holds();
      } catch (error) {
        // What `fetch` throws.
        if (!(error instanceof TypeError)) throw error;
        cause = error;
        return false;
      }
    };
    while (!(await looked())) {
      const over = this.#child.exitCode !== null || this.#child.signalCode !== null;
      if (over || Date.now() > end) {
        throw new Error(`not so: ${what}\n${this.stdout}\n${this.stderr}`, { cause });
      }
      await sleep(25);
    }
  }
}

/** Runs a command to its end. */
export function isthmus(args: readonly string[], env: Env = {}): Promise<Ended> {
  return new Isthmus(args, env).ended;
}

/** What a task looks like over HTTP. */
export interface TaskJson {
  readonly partition: number;
  readonly state: string;
  readonly position: number | null;
  readonly lagRecords: number | null;
}

/** `isthmus run`, asked over HTTP. */
export class RunningService {
  readonly process: Isthmus;
  url = '';

  private constructor(env: Env) {
    this.process = new Isthmus(['run'], { ISTHMUS_HTTP_PORT: '0', ...env });
  }

  /** Fulfilled when it listens; it may not be ready yet. */
  static async start(env: Env): Promise<RunningService> {
    const service = new RunningService(env);
    await service.process.until(() => {
      service.url = /"url":"(http:[^"]+)"/.exec(service.process.stderr)?.[1] ?? '';
      return service.url !== '';
    }, 'it listens');
    return service;
  }

  async json<T>(path: string): Promise<T> {
    return (await (await fetch(this.url + path)).json()) as T;
  }

  async text(path: string): Promise<string> {
    return (await fetch(this.url + path)).text();
  }

  /** Waits until it is ready and `holds` of its tasks. */
  async tasks(holds: (tasks: readonly TaskJson[]) => boolean, what: string): Promise<void> {
    await this.process.until(async () => {
      const ready = (await fetch(`${this.url}/readyz`)).ok;
      return ready && holds((await this.json<{ tasks: TaskJson[] }>('/tasks')).tasks);
    }, what);
  }

  /** Waits until everything in the input is committed. */
  atRest(ends: readonly bigint[]): Promise<void> {
    return this.tasks(
      (tasks) =>
        tasks.length === ends.length &&
        tasks.every(({ partition, position }) => position === Number(ends[partition])),
      `the tasks stand at ${ends.join(', ')}`,
    );
  }

  /** Waits until it has read back so many learned events: a little later than they are committed. */
  async trained(events: number): Promise<{ trainedEvents: number; sha256: string }> {
    let model = { trainedEvents: -1, sha256: '' };
    await this.process.until(async () => {
      model = await this.json('/model');
      return model.trainedEvents >= events;
    }, `it has learned ${events} events`);
    return model;
  }

  async stop(): Promise<Ended & { seconds: number }> {
    const begin = performance.now();
    this.process.signal('SIGTERM');
    const ended = await this.process.ended;
    return { ...ended, seconds: (performance.now() - begin) / 1000 };
  }

  async kill(): Promise<void> {
    this.process.signal('SIGKILL');
    await this.process.ended;
  }
}
