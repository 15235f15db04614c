import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/online/random.js';

const script = fileURLToPath(new URL('../../bench/peers/matrix_factorisation.py', import.meta.url));
const numpy = spawnSync('python3', ['-c', 'import numpy']).status === 0;

// Where there is no Python with numpy, nobody runs the script either.
describe.skipIf(!numpy)('the matrix factorisation', () => {
  const run = (rows: readonly string[], args: readonly string[]) => {
    const folder = mkdtempSync(join(tmpdir(), 'isthmus-peer-'));
    const file = join(folder, 'events.csv');
    writeFileSync(file, `user_id,item_id,domain,value,positive\n${rows.join('\n')}\n`);
    const { stdout, stderr } = spawnSync('python3', [script, file, '--json', ...args], {
      encoding: 'utf8',
    });
    rmSync(folder, { recursive: true });
    expect(stderr).toBe('');
    return JSON.parse(stdout);
  };
  /** Users of two tastes, odd and even, among 40 items. */
  const random = Random.of('peer', 1);
  const rows = Array.from({ length: 3000 }, (_, i) => {
    const user = random.below(20);
    const item = (user % 2) + 2 * random.below(20);
    return `u${user},i${item},films,5,${i % 10 === 9 ? 0 : 1}`;
  });

  it('ranks positive events alone, and learns tastes', () => {
    const { total, domains } = run(rows, ['--factors', '8', '--rate', '0.1']);
    expect(total.events).toBe(2700);
    expect(domains).toEqual([{ domain: 'films', ...total }]);
    // Ten of forty by chance, ten of twenty where the tastes are known.
    expect(total.hr10).toBeGreaterThan(0.32);
  });

  it('counts ties against itself: what it cannot tell apart is last', () => {
    const { total } = run(rows.slice(0, 200), [
      '--factors',
      '1',
      '--rate',
      '0',
      '--candidates',
      '5',
    ]);
    expect(total.events).toBe(180);
    expect(run(rows.slice(0, 1), []).total).toEqual({ events: 1, hr10: 1, ndcg10: 1 });
  });
});
