import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { defaultCacheDir } from '../../../src/broker/jars.js';
import { checkJava, javaCommand, startJava } from '../../../src/broker/java.js';
import { freePort } from '../../../src/broker/ports.js';

const run = promisify(execFile);
const VERSION = '3.0.9';
const START_WITHIN_MS = 110_000;

/**
 * The folder of Apicurio Registry: in the cache, or out of Maven's repository (109 MB, once). A string
 * that begins with `no ` says why there is none.
 */
export async function apicurioFolder(): Promise<{ folder: string } | string> {
  const folder = join(defaultCacheDir(), `apicurio-${VERSION}`);
  if (existsSync(folder)) return { folder };
  const work = `${folder}-${process.pid}`;
  try {
    await checkJava(javaCommand());
    await mkdir(work, { recursive: true });
    const artifact = `io.apicurio:apicurio-registry-app:${VERSION}:tar.gz:all`;
    const args = ['-q', '-B', 'dependency:copy', `-Dartifact=${artifact}`];
    await run('mvn', [...args, `-DoutputDirectory=${work}`], { cwd: work, timeout: 120_000 });
    const [archive] = (await readdir(work)).filter((name) => name.endsWith('.tar.gz'));
    await run('tar', ['xzf', archive ?? ''], { cwd: work });
    await rm(join(work, archive ?? ''));
    await rename(work, folder);
    return { folder };
  } catch (error) {
    await rm(work, { recursive: true, force: true });
    if (existsSync(folder)) return { folder };
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error);
    return `no Apicurio Registry ${VERSION}: ${why}`;
  }
}

/** A real registry, in memory, on a free port. */
export class Apicurio {
  /** Of the API that speaks as Confluent's does. */
  readonly url: string;
  readonly #pid: number;
  readonly #ended: Promise<number>;
  readonly #work: string;

  private constructor(url: string, pid: number, ended: Promise<number>, work: string) {
    this.url = url;
    this.#pid = pid;
    this.#ended = ended;
    this.#work = work;
  }

  static async start(folder: string): Promise<Apicurio> {
    const jar = await jarIn(folder);
    const work = await mkdtemp(join(tmpdir(), 'isthmus-apicurio-'));
    const port = await freePort();
    const log = join(work, 'log');
    const args = ['-Xmx512m', `-Dquarkus.http.port=${port}`, '-Dquarkus.http.host=127.0.0.1'];
    const java = await startJava(javaCommand(), [...args, '-jar', jar], log);
    const url = `http://127.0.0.1:${port}/apis/ccompat/v7`;
    const registry = new Apicurio(url, java.pid, java.exited, work);
    let over = false;
    void java.exited.then(() => {
      over = true;
    });
    for (const end = Date.now() + START_WITHIN_MS; ; ) {
      const answers = await fetch(`${url}/subjects`).then(
        ({ ok }) => ok,
        () => false,
      );
      if (answers) return registry;
      if (over || Date.now() > end) {
        const tail = (await readFile(log, 'utf8')).slice(-2000);
        await registry.stop();
        throw new Error(`the registry does not start:\n${tail}`);
      }
      await sleep(200);
    }
  }

  async stop(): Promise<void> {
    try {
      process.kill(this.#pid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
    await this.#ended;
    await rm(this.#work, { recursive: true, force: true });
  }
}

async function jarIn(folder: string): Promise<string> {
  const names = await readdir(folder, { recursive: true });
  const jar = names.find((name) => name.endsWith(`apicurio-registry-app-${VERSION}-runner.jar`));
  if (jar === undefined) throw new Error(`${folder} has no runner`);
  return join(folder, jar);
}
