import type { BenchContext } from './benches.js';
import { Child } from './child.js';
import { median } from './measure.js';
import type { MemoryMessage, MemoryTask } from './memory-process.js';

const MEBIBYTE = 2 ** 20;
const ROUNDS = 3;

const TASKS: readonly MemoryTask[] = [
  { items: 0, users: 0 },
  { items: 10_000, users: 0 },
  { items: 100_000, users: 0 },
  { items: 10_000, users: 10_000 },
  { items: 10_000, users: 100_000 },
];

/** Resident memory of a process that has everything of the service loaded, and so many rows. */
export async function benchMemory({ report, signal }: BenchContext): Promise<void> {
  const found: number[][] = TASKS.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, task] of TASKS.entries()) found[i]!.push(await rss(task, signal));
  }
  const bytes = found.map(median);
  for (const [i, { items, users }] of TASKS.entries()) {
    report({
      name: `memory.items-${items}.users-${users}`,
      value: bytes[i]! / MEBIBYTE,
      unit: 'MiB',
    });
  }
  const [, tenItems, manyItems, tenUsers, manyUsers] = bytes;
  report({ name: 'memory.item', value: (manyItems! - tenItems!) / 90_000, unit: 'bytes/item' });
  report({ name: 'memory.user', value: (manyUsers! - tenUsers!) / 90_000, unit: 'bytes/user' });
}

async function rss(task: MemoryTask, signal: AbortSignal): Promise<number> {
  const child = new Child<MemoryMessage>('memory', { task, execArgv: ['--expose-gc'], signal });
  try {
    return (await child.received('done')).rssBytes;
  } finally {
    await child.end();
  }
}
