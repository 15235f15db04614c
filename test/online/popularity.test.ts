import { expect, it } from 'vitest';
import { Popularity } from '../../src/online/popularity.js';
import { coarseWorld } from './serving-fixtures.js';

it('the most popular rows are those of a stable sort by count, before and after each change', () => {
  const { model } = coarseWorld(1, { items: 1200, domains: 2 });
  const popularity = new Popularity(model);
  const sorted = () => {
    const { rows, length } = model.rowsOf(0);
    return Array.from(rows.subarray(0, length)).sort(
      (a, b) => model.items.counts[b]! - model.items.counts[a]!,
    );
  };
  const check = () => {
    // A few, more than are kept, more than there are, and again from what is kept.
    for (const n of [5, 300, 10_000, 5]) {
      expect(popularity.top(0, n).slice(0, n)).toEqual(sorted().slice(0, n));
    }
  };
  check();
  const key = model.key(model.rowsOf(0).rows[70]!);
  const delta = {
    events: 40,
    items: {
      keys: [key, 'domain-0/new'],
      counts: Int32Array.of(40, 60),
      values: new Int32Array(2 * (model.dimension + 1)),
      accumulators: new Float64Array(4),
    },
    blocks: [],
  };
  model.apply(delta);
  check();
  expect(popularity.top(0, 2).slice(0, 2)).toEqual([
    model.find('domain-0', 'new'),
    model.rowsOf(0).rows[70],
  ]);
  model.revert(delta);
  check();
});
