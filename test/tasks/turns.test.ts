import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Turns } from '../../src/tasks/turns.js';

/** Three computations of three slices each, with these ranks: who went on, in which turn of the event loop. */
async function computed(ranks: {
  readonly [name: string]: number;
}): Promise<{ name: string; turn: number }[]> {
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
  const computation = async ([name, rank]: [string, number]): Promise<void> => {
    for (let slice = 0; slice < 3; slice++) {
      await turns.wait(rank);
      log.push({ name, turn });
    }
  };
  await Promise.all(Object.entries(ranks).map(computation));
  counting = false;
  await counted;
  return log;
}

it('each one who waits goes on in a turn of their own, in the order of the calls', async () => {
  const log = await computed({ a: 1, b: 1, c: 1 });
  expect(log.map(({ name }) => name).join('')).toBe('abcabcabc');
  expect(new Set(log.map((entry) => entry.turn)).size).toBe(9);
});

it('whoever has a lower rank is done before the others go on', async () => {
  const log = await computed({ a: 3, b: 1, c: 2 });
  expect(log.map(({ name }) => name).join('')).toBe('bbbcccaaa');
  expect(new Set(log.map((entry) => entry.turn)).size).toBe(9);
});
