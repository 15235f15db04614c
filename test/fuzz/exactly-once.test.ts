import { describe, expect, test } from 'vitest';
import { check, describeFailure, everyPoint, specOf } from './seeded.js';

/** `npm run fuzz -- --histories N --seed S` sets these. */
const HISTORIES = Number(process.env.FUZZ_HISTORIES ?? 300);
const FIRST_SEED = Number(process.env.FUZZ_SEED ?? 1);
const POINTS = Number(process.env.FUZZ_POINTS ?? 30);
const TIMEOUT_MS = 60_000 + HISTORIES * 500;

describe('exactly once, over the log in memory', () => {
  test(
    'whatever breaks at whichever await point, each event counts once',
    async () => {
      const failures: string[] = [];
      for (const spec of everyPoint(POINTS, { partitions: 1, processes: 1, cut: 'offset' })) {
        const result = await check(spec);
        if (result.problems.length > 0) failures.push(describeFailure('point', spec, result));
      }
      expect(failures.slice(0, 5).join('\n\n')).toBe('');
    },
    TIMEOUT_MS,
  );

  test(
    'whatever several processes go through together, each event counts once',
    async () => {
      const failures: string[] = [];
      for (let seed = FIRST_SEED; seed < FIRST_SEED + HISTORIES; seed++) {
        const spec = specOf(seed);
        const result = await check(spec);
        if (result.problems.length === 0) continue;
        failures.push(describeFailure(`FUZZ_SEED=${seed} FUZZ_HISTORIES=1`, spec, result));
      }
      expect(`${failures.length} failures\n${failures.slice(0, 8).join('\n\n')}`).toBe(
        '0 failures\n',
      );
    },
    TIMEOUT_MS,
  );
});
