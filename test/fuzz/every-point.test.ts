import { expect, test } from 'vitest';
import { check, describeFailure, everyPoint } from './seeded.js';

/** Await points of the smallest history, start and end included. */
const POINTS = 30;

test('whatever breaks at whichever await point, each event counts once', {
  timeout: 120_000,
}, async () => {
  const failures: string[] = [];
  const spec = { partitions: 1, processes: 1, cut: 'offset', events: 16 } as const;
  for (const each of everyPoint(POINTS, spec)) {
    const result = await check(each);
    if (result.problems.length > 0) failures.push(describeFailure('point', each, result));
  }
  expect(failures.slice(0, 5).join('\n\n')).toBe('');
});
