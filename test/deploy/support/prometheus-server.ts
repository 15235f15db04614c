import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { defaultCacheDir } from '../../../src/broker/jars.js';

const run = promisify(execFile);

export interface PrometheusTools {
  readonly prometheus: string;
  readonly promtool: string;
}

/**
 * Prometheus and promtool: in `ISTHMUS_PROMETHEUS_DIR`, on the path, in the cache, or out of Debian's
 * package, unpacked into the cache without being installed. A string says why there is none.
 */
export async function prometheusTools(): Promise<PrometheusTools | string> {
  const cached = join(defaultCacheDir(), 'prometheus');
  const places = [
    process.env.ISTHMUS_PROMETHEUS_DIR ?? '',
    ...(process.env.PATH ?? '').split(':'),
    join(cached, 'usr', 'bin'),
  ];
  const find = (): PrometheusTools | undefined => {
    const place = places.find(
      (folder) =>
        folder !== '' &&
        existsSync(join(folder, 'promtool')) &&
        existsSync(join(folder, 'prometheus')),
    );
    if (place === undefined) return undefined;
    return { prometheus: join(place, 'prometheus'), promtool: join(place, 'promtool') };
  };
  const found = find();
  if (found !== undefined) return found;
  const work = `${cached}-${process.pid}`;
  try {
    await mkdir(work, { recursive: true });
    await run('apt-get', ['download', 'prometheus'], { cwd: work, timeout: 120_000 });
    const [deb] = (await readdir(work)).filter((name) => name.endsWith('.deb'));
    await run('dpkg', ['-x', deb ?? '', work], { cwd: work });
    await rm(cached, { recursive: true, force: true });
    await rename(work, cached);
  } catch (error) {
    await rm(work, { recursive: true, force: true });
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error);
    return `Prometheus is neither on the path (or in ISTHMUS_PROMETHEUS_DIR) nor to be had from Debian: ${why}`;
  }
  return find() ?? 'the package of Prometheus does not hold promtool and prometheus';
}

/** What the command printed, and how it ended. */
export async function promtool(
  tools: PrometheusTools,
  ...args: string[]
): Promise<{ code: number; output: string }> {
  try {
    const { stdout, stderr } = await run(tools.promtool, args);
    return { code: 0, output: `${stdout}${stderr}` };
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: number; stdout?: string; stderr?: string };
    return { code: code ?? 1, output: `${stdout ?? ''}${stderr ?? ''}` };
  }
}

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

/** One series over time: [seconds, value]. */
export interface RangeSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [number, string])[];
}

/** A Prometheus of our own on a free port, with its data in a folder that goes with it. */
export class PrometheusServer {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly url: string;

  private constructor(child: ChildProcess, folder: string, url: string) {
    this.#child = child;
    this.#folder = folder;
    this.url = url;
  }

  static async start(tools: PrometheusTools, configFile: string): Promise<PrometheusServer> {
    const folder = await mkdtemp(join(defaultCacheDir(), 'prometheus-data-'));
    const port = await freePort();
    const child = spawn(
      tools.prometheus,
      [
        `--config.file=${configFile}`,
        `--storage.tsdb.path=${folder}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=error',
      ],
      { stdio: 'inherit' },
    );
    const server = new PrometheusServer(child, folder, `http://127.0.0.1:${port}`);
    for (let i = 0; i < 600 && child.exitCode === null; i++) {
      if (await server.#ready()) return server;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await server.stop();
    throw new Error('Prometheus did not become ready within 60 s');
  }

  async #ready(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}/-/ready`)).ok;
    } catch {
      return false;
    }
  }

  /** The samples that the expression has now. Throws with Prometheus's words where it is wrong. */
  async query(expr: string): Promise<readonly Sample[]> {
    return this.#ask('query', { query: expr });
  }

  /** The same at each step of a time. */
  async range(
    expr: string,
    time: { readonly fromMs: number; readonly toMs: number; readonly stepSeconds: number },
  ): Promise<readonly RangeSeries[]> {
    return this.#ask('query_range', {
      query: expr,
      start: String(time.fromMs / 1000),
      end: String(time.toMs / 1000),
      step: String(time.stepSeconds),
    });
  }

  async #ask<T>(path: string, parameters: Record<string, string>): Promise<readonly T[]> {
    const response = await fetch(`${this.url}/api/v1/${path}`, {
      method: 'POST',
      body: new URLSearchParams(parameters),
    });
    const answer = (await response.json()) as {
      status: string;
      error?: string;
      data?: { result: readonly T[] };
    };
    if (answer.status !== 'success' || answer.data === undefined) {
      throw new Error(`${answer.error ?? 'no answer'} in: ${parameters.query}`);
    }
    return answer.data.result;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null) {
      const ended = new Promise((resolve) => this.#child.once('exit', resolve));
      this.#child.kill('SIGTERM');
      await ended;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
