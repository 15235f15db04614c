import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ReplicaModel } from '../verify/report.js';

const CLI = fileURLToPath(new URL('../cli.js', import.meta.url));
const TAIL_BYTES = 6_000;
const ANSWER_WITHIN_MS = 5_000;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

interface TaskJson {
  readonly topic: string;
  readonly partition: number;
  readonly state: string;
}

/** `isthmus run` as a process of its own, to be broken. */
export class ServiceProcess {
  readonly name: string;
  readonly exited: Promise<Exit>;
  /** Between SIGSTOP and SIGCONT. */
  frozen = false;
  /** Whether its end was meant: an exit without that is a finding. */
  doomed = false;
  #url: string | null = null;
  #tail = '';
  #joined = false;
  #ended = false;
  readonly #child: ChildProcess;

  constructor(name: string, env: Readonly<Record<string, string>>) {
    this.name = name;
    const inherited = Object.entries(process.env).filter(
      ([key]) => !/^(ISTHMUS_|KAFKA_|OTEL_|SCHEMA_REGISTRY)/.test(key),
    );
    this.#child = spawn(process.execPath, [CLI, 'run'], {
      env: { ...Object.fromEntries(inherited), ISTHMUS_HTTP_PORT: '0', ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
      // Ctrl-C goes to the parent, which ends its children in order.
      detached: true,
    });
    const endWithParent = (): void => this.signal('SIGKILL');
    process.once('exit', endWithParent);
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#tail = (this.#tail + String(chunk)).slice(-TAIL_BYTES);
      this.#url ??= /"url":"(http:[^"]+)"/.exec(this.#tail)?.[1] ?? null;
      this.#joined ||= this.#tail.includes('partitions assigned');
    });
    this.exited = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        this.#ended = true;
        process.off('exit', endWithParent);
        resolve({ code, signal });
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Where it listens; null before it does. */
  get url(): string | null {
    return this.#url;
  }

  /** Whether the group has once given it its part. */
  get hasJoined(): boolean {
    return this.#joined;
  }

  /** The last lines of its log. */
  get lastWords(): string {
    return this.#tail.trimEnd().split('\n').slice(-6).join('\n');
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** The partitions that it works on; none where it does not answer. */
  async partitions(): Promise<number[]> {
    const answer = await this.#ask<{ tasks: TaskJson[] }>('/tasks', 500);
    const running = (answer?.tasks ?? []).filter(({ state }) => state === 'running');
    // The step before the tasks has tasks of its own, of other topics.
    return [...new Set(running.map(({ partition }) => partition))];
  }

  async isReady(): Promise<boolean> {
    return (await this.#ask('/readyz', ANSWER_WITHIN_MS)) !== null;
  }

  /** What it says of its tasks and of why it is not ready, for people. */
  async statusText(): Promise<string> {
    const answers = await Promise.all(
      ['/tasks', '/readyz'].map(async (path) => {
        const answer = await fetch(`${this.#url}${path}`, {
          signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
        });
        return answer.text();
      }),
    ).catch((error: unknown) => [String(error)]);
    return answers.join(' ');
  }

  /** Its committed model; null where it does not answer. */
  async model(): Promise<ReplicaModel | null> {
    const model = await this.#ask<{
      trainedEvents: number;
      sha256: string;
      deltaOffsets: number[];
    }>('/model', ANSWER_WITHIN_MS);
    if (model === null) return null;
    return { ...model, name: this.name, deltaOffsets: model.deltaOffsets.map(BigInt) };
  }

  async #ask<T>(path: string, withinMs: number): Promise<T | null> {
    if (this.#url === null || this.#ended) return null;
    try {
      const answer = await fetch(this.#url + path, { signal: AbortSignal.timeout(withinMs) });
      return answer.ok ? ((await answer.json()) as T) : null;
    } catch {
      return null;
    }
  }
}
