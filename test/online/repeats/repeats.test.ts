import { describe, expect, it } from 'vitest';
import { emptyDelta } from '../../../src/online/empty-delta.js';
import { MiniBatch } from '../../../src/online/minibatch.js';
import { Model } from '../../../src/online/model.js';
import { Prequential } from '../../../src/online/prequential.js';
import { Random } from '../../../src/online/random.js';
import { RepeatCounting, Repeats } from '../../../src/online/repeats/repeats.js';
import { plainTower } from '../../../src/online/tower/plain.js';
import type { Delta } from '../../../src/online/types.js';
import { User } from '../../../src/online/user.js';

const ITEMS = 10;

/** Ten films of ten events each. */
function worldOf(): { model: Model; films: number; rows: number[] } {
  const model = new Model({ seed: 1, dimension: 4, initialScale: 0 });
  const keys = Array.from({ length: ITEMS }, (_, i) => `films/${i}`);
  model.apply({
    ...emptyDelta(),
    events: 100,
    items: {
      keys,
      counts: new Int32Array(ITEMS).fill(10),
      values: new Int32Array(ITEMS * 5),
      accumulators: new Float64Array(ITEMS * 2),
    },
  });
  return {
    model,
    films: model.findDomain('films'),
    rows: keys.map((key) => model.find('films', key.slice(6))),
  };
}

/** A user who takes the rows one after the other: what each of them adds. */
function take(model: Model, rows: readonly number[]): Delta {
  const batch = new MiniBatch(model);
  const user = new User('u');
  for (const [i, row] of rows.entries()) {
    batch.add(user, row, 1, i);
    user.push(row, model.domainOf(row), 1, i);
  }
  return { ...emptyDelta(), blocks: new RepeatCounting(model).count(batch) };
}

describe('repeats and what would have been by chance', () => {
  it('count each item of a ring once, however often it is there, in one mini-batch after the other', () => {
    const { model, films, rows } = worldOf();
    const counting = new RepeatCounting(model);
    const batch = new MiniBatch(model);
    const random = Random.of('repeats', 1);
    const users = [new User('a'), new User('b')];
    for (let round = 0; round < 3; round++) {
      batch.clear();
      let repeats = 0;
      let chance = 0;
      for (let event = 0; event < 40; event++) {
        const user = users[random.below(2)]!;
        const row = rows[random.below(ITEMS)]!;
        batch.add(user, row, 1, event);
        const ring = new Set(user.histories[0]?.rows ?? []);
        // Each of the ten is a tenth of all events.
        chance += Math.round((ring.size / ITEMS) * 2 ** 20);
        if (ring.has(row)) repeats++;
        user.push(row, films, 1, event);
      }
      const [counted] = counting.count(batch);
      expect(Array.from(counted!.accumulators)).toEqual([repeats, chance]);
    }
  });
});

describe('what is in a ring scores', () => {
  it('nothing less while nothing is known of the domain', () => {
    const { model, films } = worldOf();
    expect(new Repeats(model).of(films)).toBe(0);
  });

  it('less where users never come back, by the log of how often they would by chance', () => {
    const { model, films, rows } = worldOf();
    const repeats = new Repeats(model);
    // Rings of 0, 1 .. 9 tenths of all events.
    model.apply(take(model, rows));
    expect(repeats.of(films)).toBeCloseTo(-Math.log(4.5 + 1), 5);
    model.apply(take(model, rows));
    expect(repeats.of(films)).toBeCloseTo(-Math.log(9 + 1), 5);
  });

  it('nothing less where they come back more often than by chance', () => {
    const { model, films, rows } = worldOf();
    model.apply(take(model, new Array<number>(20).fill(rows[0]!)));
    expect(new Repeats(model).of(films)).toBe(0);
  });

  it('by what is in the model alone: taking the delta away takes it away', () => {
    const { model, films, rows } = worldOf();
    const repeats = new Repeats(model);
    const before = model.digest();
    const delta = take(model, rows);
    model.apply(delta);
    expect(repeats.of(films)).toBeLessThan(0);
    model.revert(delta);
    expect(repeats.of(films)).toBe(0);
    expect(model.digest()).toBe(before);
  });

  it('less when an event is ranked, with and without transfer', () => {
    const { model, films, rows } = worldOf();
    const user = new User('u');
    for (const row of rows.slice(0, 6)) user.push(row, films, 1, 1);
    const books = model.domainIndex('books');
    user.push(model.intern('books', 'b'), books, 1, 1);
    const sampleOf = (row: number) => {
      const scoring = new Prequential(model, plainTower(), { seed: 1 }).begin('events', 0, 0n);
      scoring.add(user, row);
      return scoring.finish()[0]!;
    };
    // All are alike at first: ties count against us.
    expect(sampleOf(rows[9]!)).toMatchObject({ rank: ITEMS - 1, apartRank: ITEMS - 1 });
    model.apply(take(model, rows));
    expect(sampleOf(rows[9]!)).toMatchObject({ rank: 3, apartRank: 3 });
    expect(sampleOf(rows[0]!)).toMatchObject({ rank: ITEMS - 1, apartRank: ITEMS - 1 });
  });

  it('nothing at all for rivals, who are spared them where that is far less', () => {
    const { model, films, rows } = worldOf();
    const user = new User('u');
    for (const row of rows.slice(0, 6)) user.push(row, films, 1, 1);
    const rival = { name: 'alike', score: (_: unknown, scores: Float64Array) => scores.fill(0) };
    const options = { seed: 1, rivals: [rival] };
    const ranksOf = (row: number) => {
      const scoring = new Prequential(model, plainTower(), options).begin('events', 0, 0n);
      scoring.add(user, row);
      return scoring.finish()[0]!.rivals;
    };
    for (let times = 0; times < 2; times++) {
      // A tenth of chance is not that seldom yet.
      expect(ranksOf(rows[9]!)).toEqual([ITEMS - 1]);
      model.apply(take(model, rows));
    }
    model.apply(take(model, rows));
    expect(ranksOf(rows[9]!)).toEqual([3]);
    expect(ranksOf(rows[0]!)).toEqual([ITEMS - 1]);
  });
});
