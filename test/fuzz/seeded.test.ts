import { expect, test } from 'vitest';
import { check, describeFailure, specOf } from './seeded.js';

/** `npm run fuzz -- --histories N --seed S` sets these. */
const HISTORIES = Number(process.env.FUZZ_HISTORIES ?? 1000);
const FIRST_SEED = Number(process.env.FUZZ_SEED ?? 1);

test('whatever processes go through together, each event counts once', {
  timeout: 120_000 + HISTORIES * 500,
}, async () => {
  const begin = performance.now();
  const failures: string[] = [];
  for (let seed = FIRST_SEED; seed < FIRST_SEED + HISTORIES; seed++) {
    const spec = specOf(seed);
    const result = await check(spec);
    if (result.problems.length === 0) continue;
    failures.push(describeFailure(`npm run fuzz -- --seed ${seed} --histories 1`, spec, result));
  }
  if (process.env.FUZZ_HISTORIES !== undefined) {
    const perSecond = (HISTORIES / (performance.now() - begin)) * 1000;
    console.log(`${HISTORIES} histories, ${perSecond.toFixed(0)} a second`);
  }
  expect(`${failures.length} failures\n${failures.slice(0, 5).join('\n\n')}`).toBe('0 failures\n');
});
