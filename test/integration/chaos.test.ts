import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { ChaosResult } from '../../src/chaos/chaos.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/chaos.js', import.meta.url));

/** Runs `npm run chaos` (built before) and returns what it prints. */
async function chaos(...args: string[]): Promise<{ result: ChaosResult; told: string }> {
  const child = spawn(process.execPath, [MAIN, ...args, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  let told = '';
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    told += chunk;
  });
  await once(child, 'close');
  return { result: JSON.parse(printed) as ChaosResult, told };
}

function expectExactlyOnce({ result, told }: { result: ChaosResult; told: string }): void {
  expect(result.problems, told).toEqual([]);
  expect(result.verify).toMatchObject({
    ok: true,
    inputOffsets: { gaps: 0, overlaps: 0, torn: 0, miscounted: 0 },
    users: { wrong: 0, moving: 0, owed: 0 },
    lists: { notIncreasing: 0, notLast: 0 },
    deadLetters: { missing: 0, unexpected: 0 },
  });
  expect(result.verify.trainedEvents).toBe(result.verify.oracle?.accepted);
  expect(result.verify.sha256.snapshot).toBe(result.verify.sha256.log);
}

test('each event counts once, whatever is killed, frozen, stopped or restarted', {
  timeout: 300_000,
}, async () => {
  const run = await chaos('--kills', '10', '--processes', '2', '--events', '6000', '--seed', '1');
  expectExactlyOnce(run);
  expect(run.result.blows.kill).toBe(10);
  expect(Object.keys(run.result.verify.sha256.replicas)).toHaveLength(2);
});

test('a partition that is worked on by processes that are killed gives the same bits as one that is not', {
  timeout: 300_000,
}, async () => {
  const run = await chaos(
    ...['--kills', '5', '--partitions', '1', '--events', '4000', '--faults', 'kill', '--seed', '2'],
  );
  expectExactlyOnce(run);
  expect(run.result.uninterruptedSha256).toBe(run.result.verify.sha256.log);
});

/** The processes whose parent is this one, by /proc. */
function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
      } catch {
        return false;
      }
    })
    .map(Number);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test.skipIf(process.platform !== 'linux')(
  'an interrupted run leaves nothing behind',
  {
    timeout: 120_000,
  },
  async () => {
    const child = spawn(process.execPath, [MAIN, '--kills', '9', '--processes', '2'], {
      stdio: 'ignore',
    });
    let started: number[] = [];
    // The broker and both services.
    for (const end = Date.now() + 60_000; started.length < 3 && Date.now() < end; ) {
      await sleep(20);
      started = childrenOf(child.pid!);
    }
    expect(started).toHaveLength(3);
    child.kill('SIGTERM');
    const [code] = await once(child, 'close');
    expect(code).toBe(130);
    expect(started.filter(isAlive)).toEqual([]);
  },
);
