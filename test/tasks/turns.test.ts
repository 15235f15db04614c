import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Turns } from '../../src/tasks/turns.js';

it('each one who waits goes on in a turn of their own, in the order of the calls', async () => {
  const turns = new Turns();
  let turn = 0;
  let counting = true;
  const counted = (async () => {
    while (counting) {
      await nextTurn();
      turn += 1;
    }
  })();
  const log: { name: string; turn: number }[] = [];
  const computation = async (name: string): Promise<void> => {
    for (let slice = 0; slice < 3; slice++) {
      await turns.wait();
      log.push({ name, turn });
    }
  };
  await Promise.all(['a', 'b', 'c'].map(computation));
  counting = false;
  await counted;
  expect(log.map(({ name }) => name).join('')).toBe('abcabcabc');
  expect(new Set(log.map((entry) => entry.turn)).size).toBe(9);
});
