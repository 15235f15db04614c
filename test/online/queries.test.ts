import { describe, expect, it } from 'vitest';
import { meanEncoder } from '../../src/online/encoders/mean.js';
import { QueryBatch } from '../../src/online/serving/queries.js';
import { plainTower } from '../../src/online/tower/plain.js';
import type { User } from '../../src/online/user.js';
import { coarseWorld } from './serving-fixtures.js';

const USERS = 300;
const { model, users } = coarseWorld(1, { users: USERS });
const tower = plainTower();

/** Queries of users for a domain, and what the gate gave them. */
function asked(batch: QueryBatch, some: readonly User[]): unknown[] {
  const ranges = some.map((user) => batch.addUser(user));
  const examples = ranges.map((range) => batch.addTarget(range, 1));
  const { query, transferOf } = batch.run(tower);
  const d = model.dimension;
  return examples.map((e) => [Array.from(query.slice(e * d, e * d + d)), transferOf(e)]);
}

describe('a batch of queries', () => {
  const alone = users.flatMap((user) => asked(new QueryBatch(model, meanEncoder), [user]));

  it('has for each of many users what a batch of that user alone has', () => {
    expect(asked(new QueryBatch(model, meanEncoder), users)).toEqual(alone);
  });

  it('keeps nothing of what it had before it was cleared', () => {
    const batch = new QueryBatch(model, meanEncoder);
    asked(batch, users);
    for (const from of [0, 100, 250]) {
      batch.clear();
      const to = from + 50;
      expect(asked(batch, users.slice(from, to))).toEqual(alone.slice(from, to));
    }
  });

  it('gives a history that faded by no half-life like one of this very moment', () => {
    const history = users.flatMap(({ histories }) => histories).find(({ size }) => size > 2)!;
    const batch = new QueryBatch(model, meanEncoder);
    const faded = batch.addFaded(history, 1e12, 0);
    const now = { ...history, times: history.rows.map(() => 1e12) };
    const fresh = batch.addHistories([now], 1e12);
    const [a] = batch.historiesOf(faded);
    const [b] = batch.historiesOf(fresh);
    expect(a).toEqual(b);
  });
});
