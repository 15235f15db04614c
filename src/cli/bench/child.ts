import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { IsthmusError } from '../../errors.js';

/** What the parent forks: the files beside this one. */
export type ChildName = 'service' | 'load' | 'watch' | 'consume' | 'memory';

const END_WITHIN_MS = 10_000;

/**
 * A process of our own that does one part of a bench. It sends messages `{ kind, ... }`; whoever
 * waits for one fails where the process ends before it comes. It ends with its parent.
 */
export class Child<Messages extends { readonly kind: string }> {
  readonly name: ChildName;
  readonly #process: ChildProcess;
  readonly #received: Messages[] = [];
  readonly #listeners = new Set<() => void>();
  #ended: string | null = null;

  constructor(
    name: ChildName,
    options: {
      /** Handed over as JSON. */
      readonly task: unknown;
      readonly env?: Readonly<Record<string, string>>;
      readonly execArgv?: readonly string[];
      readonly signal: AbortSignal;
    },
  ) {
    this.name = name;
    this.#process = fork(
      fileURLToPath(new URL(`./${name}-process.js`, import.meta.url)),
      [JSON.stringify(options.task)],
      {
        // TensorFlow says on stderr what it could do if it were compiled otherwise.
        env: { ...withoutSettings(process.env), TF_CPP_MIN_LOG_LEVEL: '2', ...options.env },
        execArgv: [...(options.execArgv ?? [])],
        // Of the children's stdout nothing may come among the figures.
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
        // Ctrl-C goes to the parent, which ends its children in order.
        detached: true,
      },
    );
    this.#process.on('message', (message) => {
      this.#received.push(message as Messages);
      this.#tell();
    });
    this.#process.on('exit', (code, name) => {
      this.#ended = name ?? `code ${code}`;
      this.#tell();
    });
    options.signal.addEventListener('abort', this.#abort, { once: true });
    this.#signal = options.signal;
  }

  readonly #signal: AbortSignal;
  readonly #abort = (): void => this.#tell();

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  /** Returns the first message of this kind, as soon as there is one. Errors: BENCH_FAILED (fatal). */
  async received<K extends Messages['kind']>(
    kind: K,
    withinMs = 120_000,
  ): Promise<Extract<Messages, { kind: K }>> {
    const end = performance.now() + withinMs;
    for (;;) {
      this.#signal.throwIfAborted();
      const found = this.#received.find((message) => message.kind === kind);
      if (found !== undefined) return found as Extract<Messages, { kind: K }>;
      if (this.#ended !== null) throw this.#failed(`ended with ${this.#ended}`);
      const left = end - performance.now();
      if (left <= 0) throw this.#failed(`has not come so far after ${withinMs / 1000} s`);
      await this.#changed(left);
    }
  }

  send(message: object): void {
    if (this.#ended === null && this.#process.connected) this.#process.send(message);
  }

  /** Ends it (SIGTERM, and SIGKILL after a while) and waits until it has. */
  async end(): Promise<void> {
    this.#signal.removeEventListener('abort', this.#abort);
    if (this.#ended !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    const late = setTimeout(() => this.#process.kill('SIGKILL'), END_WITHIN_MS);
    await exited;
    clearTimeout(late);
  }

  #failed(what: string): IsthmusError {
    return new IsthmusError('BENCH_FAILED', 'fatal', `The ${this.name} process of a bench ${what}`);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  async #changed(withinMs: number): Promise<void> {
    let listener: () => void = () => undefined;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      listener = resolve;
      this.#listeners.add(resolve);
      timer = setTimeout(resolve, withinMs);
    });
    clearTimeout(timer);
    this.#listeners.delete(listener);
  }
}

/** Our settings in the caller's environment must not change what is measured. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^(ISTHMUS_|KAFKA_|OTEL_|SCHEMA_REGISTRY)/.test(name)),
  );
}

/** In the child: sends to the parent, and ends with it. */
export function parent<Messages extends { readonly kind: string }, Task>(): {
  readonly task: Task;
  readonly tell: (message: Messages) => void;
} {
  process.on('disconnect', () => process.exit());
  return {
    task: JSON.parse(process.argv[2] ?? 'null') as Task,
    tell: (message) => {
      if (process.connected) process.send?.(message);
    },
  };
}
