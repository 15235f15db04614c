import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/online/random.js';
import { NeighbourList } from '../../../src/online/wide/neighbour-list.js';
import { Neighbours } from '../../../src/online/wide/neighbours.js';

const key = (row: number): string => `books/${row}`;

interface Change {
  readonly row: number;
  readonly count: number;
}

const changes: fc.Arbitrary<Change[]> = fc.array(
  fc.record({ row: fc.nat({ max: 30 }), count: fc.integer({ min: -2, max: 3 }) }),
  { maxLength: 200 },
);

function entries({ rows, counts }: { rows: Int32Array; counts: Int32Array }): Map<number, number> {
  return new Map(Array.from(rows, (row, i) => [row, counts[i]!]));
}

describe('the list of an item', () => {
  it('holds the sums that are not 0, as a map does', () => {
    fc.assert(
      fc.property(changes, (list) => {
        const ours = new NeighbourList(0);
        const map = new Map<number, number>();
        for (const { row, count } of list) {
          const before = map.size;
          const sum = (map.get(row) ?? 0) + count;
          if (sum === 0) map.delete(row);
          else map.set(row, sum);
          expect(ours.add(row, count)).toBe(map.size - before);
        }
        expect(ours.size).toBe(map.size);
        for (let row = 0; row <= 30; row++) expect(ours.get(row)).toBe(map.get(row) ?? 0);
      }),
    );
  });

  it('gives away all but its largest counts, whatever order they came in', () => {
    fc.assert(
      fc.property(changes, fc.nat({ max: 12 }), fc.nat(), (list, limit, seed) => {
        const random = Random.of('order', seed);
        const [one, other] = [new Neighbours(key), new Neighbours(key)];
        for (const { row, count } of list) one.add(99, row, 0, count);
        for (const { row, count } of list.slice().sort(() => random.below(3) - 1)) {
          other.add(99, row, 0, count);
        }
        const list0 = one.list(99, 0);
        if (list0 === undefined) return;
        const worst = entries(one.excess(99, list0, limit));
        const list1 = other.list(99, 0);
        if (list1 !== undefined) expect(entries(other.excess(99, list1, limit))).toEqual(worst);
        const positive = Array.from({ length: 31 }, (_, row) => list0.get(row)).filter(
          (n) => n > 0,
        );
        const gone = [...worst.values()].sort((a, b) => a - b);
        const wanted = list0.size > limit ? Math.max(0, positive.length - limit) : 0;
        expect(gone).toEqual(positive.sort((a, b) => a - b).slice(0, wanted));
      }),
    );
  });

  it('breaks ties by key where hashes are the same', () => {
    const list = new NeighbourList(0);
    for (let row = 0; row < 9; row++) list.add(row, 1);
    const order = { hash: () => 7, key: (row: number) => `k${9 - row}` };
    expect([...list.excess(3, order, 0).rows].sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });
});

describe('a fork', () => {
  it('and what it was taken from change by themselves', () => {
    const live = new Neighbours(key);
    live.add(1, 2, 0, 3);
    live.add(2, 1, 0, 1);
    const copy = live.fork();
    live.add(1, 2, 0, 1);
    live.add(1, 3, 0, 5);
    copy.add(1, 2, 0, -3);
    copy.add(4, 2, 0, 7);
    expect([live.get(1, 2, 0), live.get(1, 3, 0), live.get(4, 2, 0)]).toEqual([4, 5, 0]);
    expect([copy.get(1, 2, 0), copy.get(1, 3, 0), copy.get(4, 2, 0)]).toEqual([0, 0, 7]);
    expect([live.get(2, 1, 0), copy.get(2, 1, 0)]).toEqual([1, 1]);
    expect([live.isFree(1), copy.isFree(1), live.isFree(4), copy.isFree(4)]).toEqual([
      false,
      false,
      true,
      false,
    ]);
  });
});
