import { describe, expect, it } from 'vitest';
import { Blend } from '../../src/online/blend/blend.js';
import { Prequential } from '../../src/online/prequential.js';
import { PrequentialSummary } from '../../src/online/prequential-summary.js';
import type { Rival } from '../../src/online/rivals.js';
import { Recommender } from '../../src/online/serving/recommender.js';
import { plainTower } from '../../src/online/tower/plain.js';
import type { PrequentialSample } from '../../src/online/types.js';
import { User } from '../../src/online/user.js';
import { coarseWorld } from './serving-fixtures.js';

const tower = plainTower();
const sample: PrequentialSample = {
  domain: 'films',
  bucket: '0',
  itemBucket: '1-4',
  rank: 0,
  popularityRank: 3,
  candidates: 1000,
  logLoss: 2,
  auc: 1,
};

describe('the rank of an event', () => {
  it('is its place in the list that the user would have got, where all items are candidates', () => {
    const { model, users } = coarseWorld(1, { items: 90 });
    const recommender = new Recommender(model, tower, { exclude: 'none' });
    const scoring = new Prequential(model, tower, { seed: 1 }).begin('events', 0, 5n);
    const domain = model.findDomain('domain-1');
    const { rows, length } = model.rowsOf(domain);
    const events = users.map((user, i) => ({ user, row: rows[(i * 7) % length]! }));
    for (const { user, row } of events) scoring.add(user, row);
    const samples = scoring.finish();
    const lists = recommender.recommend(
      users.map((user) => ({ user, domain: 'domain-1', n: length })),
    );
    for (const [i, { row, user }] of events.entries()) {
      const { items } = lists[i]!;
      const place = items.findIndex(({ itemId }) => itemId === model.itemId(row));
      const score = items[place]!.score;
      const { rank, candidates } = samples[i]!;
      expect(candidates).toBe(length);
      if (user.histories.length === 0) expect(rank).toBe(samples[i]!.popularityRank);
      // Ties count against us: the rank is that of the last of the equals.
      const near = (other: number) => Math.abs(other - score) < 1e-9;
      expect(rank).toBe(
        items.filter((item, at) => at !== place && (item.score > score || near(item.score))).length,
      );
    }
  });

  it('tells, for one event in four, the rank by what was done in the domain alone', () => {
    const { model, users } = coarseWorld(3, { items: 90 });
    const traveller = users.find(({ histories }) => histories.length > 1)!;
    const domain = traveller.histories[0]!.domain;
    const settler = new User('settler');
    settler.histories.push(traveller.histories[0]!);
    const row = model.rowsOf(domain).rows[5]!;
    const scoring = new Prequential(model, tower, { seed: 1 }).begin('events', 0, 0n);
    for (let i = 0; i < 5; i++) scoring.add(traveller, row);
    scoring.add(settler, row);
    const [first, second, , , fifth, settled] = scoring.finish();
    expect(settled!.apartRank).toBeUndefined();
    expect(second!.apartRank).toBeUndefined();
    expect(first!.rank).not.toBe(settled!.rank);
    for (const sample of [first!, fifth!]) expect(sample.apartRank).toBe(settled!.rank);
  });

  it('is, without a history in the domain, that of popularity where transfer is left out', () => {
    const { model, users } = coarseWorld(3, { items: 90 });
    const traveller = new User('traveller');
    traveller.histories.push(users.find(({ histories }) => histories.length > 1)!.histories[0]!);
    const other = [0, 1].find((domain) => domain !== traveller.histories[0]!.domain)!;
    const { rows, length } = model.rowsOf(other);
    const samples = Array.from(rows.subarray(0, length), (row) => {
      const scoring = new Prequential(model, tower, { seed: 1 }).begin('events', 0, 0n);
      scoring.add(traveller, row);
      return scoring.finish()[0]!;
    });
    for (const { apartRank, popularityRank } of samples) expect(apartRank).toBe(popularityRank);
    expect(samples.some(({ rank, apartRank }) => rank !== apartRank)).toBe(true);
  });

  it('counts ties against us, and half in the AUC', () => {
    const { model } = coarseWorld(2, { items: 90 });
    const { rows, length } = model.rowsOf(model.findDomain('domain-0'));
    const { counts } = model.items;
    const scoring = new Prequential(model, tower, { seed: 1 }).begin('events', 0, 0n);
    scoring.add(new User('stranger'), rows[0]!);
    const [found] = scoring.finish();
    const others = Array.from(rows.subarray(1, length), (row) => counts[row]!);
    const own = counts[rows[0]!]!;
    const above = others.filter((count) => count > own).length;
    const equal = others.filter((count) => count === own).length;
    expect(equal).toBeGreaterThan(0);
    expect(found!.rank).toBe(above + equal);
    expect(found!.popularityRank).toBe(above + equal);
    expect(found!.auc).toBeCloseTo(1 - (above + equal / 2) / others.length, 12);
    const total = others.reduce((sum, count) => sum + count + 1, own + 1);
    expect(found!.logLoss).toBeCloseTo(Math.log(total / (own + 1)), 12);
  });

  it.each([20, 70, 95])('is among %s different others', (negatives) => {
    const { model, users } = coarseWorld(3, { items: 350 });
    const { length } = model.rowsOf(model.findDomain('domain-0'));
    expect(length).toBeGreaterThan(96);
    const rank = (offset: bigint) => {
      const scoring = new Prequential(model, tower, { seed: 1, negatives }).begin('e', 0, offset);
      // A vacant item is below or level with every other for a stranger.
      scoring.add(new User('stranger'), model.intern('domain-0', 'never seen'));
      for (const user of users) scoring.add(user, model.rowsOf(0).rows[3]!);
      return scoring.finish();
    };
    const samples = rank(7n);
    expect(samples[0]!.rank).toBe(negatives);
    for (const found of samples) expect(found.candidates).toBe(negatives + 1);
    expect(rank(7n)).toEqual(samples);
    expect(rank(8n)).not.toEqual(samples);
  });

  it('sees the history as it was when the event was added', () => {
    const { model } = coarseWorld(4);
    const row = model.rowsOf(0).rows[0]!;
    const score = (push: boolean) => {
      const user = new User('u');
      user.push(model.rowsOf(1).rows[1]!, 1, 1, 1);
      const scoring = new Prequential(model, tower, { seed: 1 }).begin('e', 0, 0n);
      scoring.add(user, row);
      if (push) for (let i = 0; i < 80; i++) user.push(row, 0, 1, 2);
      return scoring.finish();
    };
    expect(score(true)).toEqual(score(false));
  });

  it('changes nothing in the model', () => {
    const { model, users } = coarseWorld(5);
    const before = model.digest();
    const scoring = new Prequential(model, tower, { seed: 1 }).begin('e', 0, 0n);
    for (const user of users) scoring.add(user, model.rowsOf(0).rows[0]!);
    scoring.finish();
    expect(model.digest()).toBe(before);
  });
});

describe('rivals', () => {
  const rank = (rivals: readonly Rival[], row: number, user: User, seed = 7) => {
    const { model } = coarseWorld(seed, { items: 350 });
    const scoring = new Prequential(model, tower, { seed: 1, rivals }).begin('e', 0, 0n);
    scoring.add(user, row);
    return scoring.finish()[0]!;
  };
  const known = (): User => {
    const user = new User('u');
    const { model } = coarseWorld(7, { items: 350 });
    user.push(model.rowsOf(1).rows[1]!, 1, 1, 1);
    return user;
  };
  const { model } = coarseWorld(7, { items: 350 });
  const row = model.rowsOf(0).rows[3]!;
  const rival = (name: string, score: Rival['score']): Rival => ({ name, score });

  it('rank the same candidates, the true one last, ties against them', () => {
    let seen: number[] = [];
    const ranks = rank(
      [
        rival('sees', ({ rows, length, domain, histories }, scores) => {
          seen = Array.from(rows.subarray(0, length));
          expect(domain).toBe(0);
          expect(histories.map((history) => Array.from(history.rows))).toEqual([
            [model.rowsOf(1).rows[1]],
          ]);
          scores.fill(0);
          scores[length - 1] = 1;
        }),
        rival('indifferent', (_, scores) => scores.fill(0)),
      ],
      row,
      known(),
    );
    expect(seen.at(-1)).toBe(row);
    expect(new Set(seen).size).toBe(ranks.candidates);
    expect(ranks.rivals).toEqual([0, ranks.candidates - 1]);
  });

  it('change nothing in what is told of ours, and none are told of where there are none', () => {
    const { rivals, ...ours } = rank(
      [rival('indifferent', (_, scores) => scores.fill(0))],
      row,
      known(),
    );
    expect(rivals).toHaveLength(1);
    expect(rank([], row, known())).toEqual(ours);
  });

  it('are shown the parts of our score: by popularity alone where nothing is known', () => {
    const parts = [
      rival('deep', ({ deep, length }, scores) => scores.set(deep.subarray(0, length))),
      rival('wide', ({ wide, length }, scores) => scores.set(wide.subarray(0, length))),
    ];
    const { rivals, popularityRank } = rank(parts, row, new User('stranger'));
    expect(rivals).toEqual([popularityRank, popularityRank]);
    const sum = rival('sum', ({ deep, wide, rows, length }, scores) => {
      const { deep: weight, saturation, bias } = new Blend(model).newcomers;
      for (let i = 0; i < length; i++) {
        const saturated = deep[i]! / (1 + saturation * Math.abs(deep[i]!));
        scores[i] = weight * saturated + bias * model.items.biases[rows[i]!]! + wide[i]!;
      }
    });
    const whole = rank([sum], row, known());
    expect(whole.rivals).toEqual([whole.rank]);
  });
});

it('buckets go by the events that the user has had in the target domain', () => {
  const { model } = coarseWorld(6);
  const row = model.rowsOf(0).rows[0]!;
  const scoring = new Prequential(model, tower, { seed: 1 }).begin('e', 0, 0n);
  const user = new User('u');
  user.push(model.rowsOf(1).rows[0]!, 1, 1, 0);
  for (let i = 0; i <= 20; i++) {
    scoring.add(user, row);
    user.push(row, 0, 1, i);
  }
  const buckets = scoring.finish().map(({ bucket }) => bucket);
  expect([0, 1, 4, 5, 19, 20].map((i) => buckets[i])).toEqual([
    '0',
    '1-4',
    '1-4',
    '5-19',
    '5-19',
    '20+',
  ]);
});

describe('the summary', () => {
  it('gives means by domain and by bucket', () => {
    const summary = new PrequentialSummary();
    summary.add(sample);
    summary.add({ ...sample, rank: 2, bucket: '20+', logLoss: 4 });
    summary.add({ ...sample, rank: 10, bucket: '20+', logLoss: 6, auc: 0.25 });
    summary.add({ ...sample, domain: 'books', popularityRank: 10 });
    expect(summary.byDomain().map(({ domain, samples }) => [domain, samples])).toEqual([
      ['books', 1],
      ['films', 3],
    ]);
    const films = summary.byDomain()[1]!;
    expect(films.hr10).toBeCloseTo(2 / 3);
    expect(films.ndcg10).toBeCloseTo(1.5 / 3);
    expect(films.mrr).toBeCloseTo((1 + 1 / 3 + 1 / 11) / 3);
    expect(films.logLoss).toBeCloseTo(4);
    expect(films.auc).toBeCloseTo(0.75);
    expect(films.popularityHr10).toBe(1);
    expect(
      summary.byBucket().map(({ domain, bucket, samples }) => [domain, bucket, samples]),
    ).toEqual([
      ['books', '0', 1],
      ['films', '0', 1],
      ['films', '20+', 2],
    ]);
    expect(summary.byHistory().map(({ bucket, samples }) => [bucket, samples])).toEqual([
      ['0', 2],
      ['20+', 2],
    ]);
    expect(summary.byItem().map(({ bucket, samples }) => [bucket, samples])).toEqual([['1-4', 4]]);
    expect(summary.total()).toMatchObject({ samples: 4, hr10: 3 / 4, rivals: [] });
  });

  it('gives the means of each rival', () => {
    const summary = new PrequentialSummary();
    summary.add({ ...sample, rivals: [0, 12] });
    summary.add({ ...sample, rivals: [2, 9] });
    expect(summary.total().rivals).toEqual([
      { hr10: 1, ndcg10: 1.5 / 2 },
      { hr10: 1 / 2, ndcg10: 1 / Math.log2(11) / 2 },
    ]);
  });
});
