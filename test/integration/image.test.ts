import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, cp, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rooted, text } from '../deploy/support/files.js';
import { until } from '../support/service.js';

/** Of the image's user `nonroot`. */
const NOBODY = 65532;

/** To run as somebody who may write nothing, one has to be allowed to become them. */
const mayBecomeNobody = process.getuid?.() === 0;
if (!mayBecomeNobody) console.warn('the image was not tried: it wants root, to run as its user');

const dockerfile = text('Dockerfile');

/** A list of words in JSON behind an instruction of the Dockerfile. */
function words(instruction: string): string[] {
  const found = new RegExp(`^${instruction}.*?(\\[.*\\])$`, 'm').exec(dockerfile);
  return JSON.parse(found?.[1] ?? '[]') as string[];
}

describe.skipIf(!mayBecomeNobody)('what the image holds', () => {
  let folder: string;
  let scratch: string;
  let port: number;
  const running: ChildProcess[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'isthmus-image-'));
    scratch = await mkdtemp(join(tmpdir(), 'isthmus-scratch-'));
    await chmod(folder, 0o755);
    await chown(scratch, NOBODY, NOBODY);
    // What the last stage copies.
    const copied = [...dockerfile.slice(dockerfile.lastIndexOf('FROM')).matchAll(/^COPY (.+)$/gm)];
    for (const [, list] of copied) {
      for (const path of list!.replace('--from=build ', '').split(' ').slice(0, -1)) {
        const from = rooted(path.replace(/^\/app\//, ''));
        const to = join(folder, path.replace(/^\/app\//, ''));
        // Names for the same files, where the file system lets us: there are many, and none is written.
        const linked = spawnSync('cp', ['-al', from, to]).status === 0;
        if (!linked) await cp(from, to, { recursive: true });
      }
    }
    port = await freePort();
  }, 60_000);

  afterAll(async () => {
    for (const child of running) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await rm(folder, { recursive: true, force: true });
    await rm(scratch, { recursive: true, force: true });
  });

  /** A command as the image runs it, by its user; `node` is this process's. */
  function start(command: readonly string[], env: Record<string, string> = {}): ChildProcess {
    const child = spawn(process.execPath, command.slice(1), {
      cwd: folder,
      uid: NOBODY,
      gid: NOBODY,
      env: { ...imageEnv(), TMPDIR: scratch, HOME: '/nonexistent', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.push(child);
    return child;
  }

  async function ended(child: ChildProcess): Promise<{ code: number | null; said: string }> {
    let said = '';
    child.stdout?.on('data', (part: Buffer) => (said += part.toString()));
    child.stderr?.on('data', (part: Buffer) => (said += part.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, said };
  }

  test('cannot be written by its user', async () => {
    const write = "require('node:fs').writeFileSync('dist/planted.js', '')";
    const { code, said } = await ended(start(['node', '-e', write]));
    expect(said).toMatch(/EACCES|EROFS/);
    expect(code).not.toBe(0);
  });

  test('learns the demo from end to end', async () => {
    const options = ['--transport', 'memory', '--limit', '500', '--items'];
    const demo = [...words('ENTRYPOINT'), 'demo', ...options];
    const { code, said } = await ended(start(demo, { ISTHMUS_HTTP_PORT: '0' }));
    expect(code, said).toBe(0);
    expect(said).toContain('9,742 films described');
  }, 180_000);

  test('is healthy by its own health check while no broker is there, and ends when it is asked to', async () => {
    const env = { KAFKA_BROKERS: '127.0.0.1:1', ISTHMUS_HTTP_PORT: String(port) };
    const service = start([...words('ENTRYPOINT'), ...words('CMD')], env);
    const said = ended(service);
    const check = words('HEALTHCHECK').map((word) => word.replace(':8080', `:${port}`));
    await until(
      async () => (await ended(start(check))).code === 0,
      'the health check is content',
      100_000,
    );
    service.kill('SIGTERM');
    expect((await said).code, (await said).said).toBe(0);
    expect((await ended(start(check))).code).not.toBe(0);
  }, 180_000);
});

/** ENV of the Dockerfile's last stage. */
function imageEnv(): Record<string, string> {
  const pairs = /^ENV (.+)$/m.exec(dockerfile)?.[1]?.split(' ') ?? [];
  return Object.fromEntries(pairs.map((pair) => pair.split('=') as [string, string]));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
