import { describe, expect, it } from 'vitest';
import { simdModule } from '../../../src/online/kernels/simd-module.js';
import { SimdWords } from '../../../src/online/kernels/simd-words.js';
import { Random } from '../../../src/online/random.js';
import { excessOf } from '../../../src/online/wide/excess.js';
import { Neighbours } from '../../../src/online/wide/neighbours.js';
import { PlainWords, type WordMemory } from '../../../src/online/wide/words.js';
import { fc } from '../../support/properties.js';

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

/** Adds pairs of rows together; where they stand in the columns is where they stand in an order of them. */
function addAll(
  lists: Neighbours,
  pairs: readonly { readonly from: number; readonly to: number; readonly count: number }[],
  domainOf: (row: number) => number,
): void {
  const rows = Int32Array.from(new Set(pairs.flatMap(({ from, to }) => [from, to])));
  const place = new Map(Array.from(rows, (row, i) => [row, i]));
  const column = (of: (pair: (typeof pairs)[number]) => number): Int32Array =>
    Int32Array.from(pairs, of);
  lists.addColumns(
    {
      from: column(({ from }) => place.get(from)!),
      to: column(({ to }) => place.get(to)!),
      counts: column(({ count }) => -count),
    },
    { rows, domains: rows.map(domainOf) },
    -1,
    Int32Array.from(pairs, (_, i) => pairs.length - 1 - i),
  );
}

const module = simdModule();
const MEMORIES: readonly [string, () => WordMemory][] = [
  ['arrays', () => new PlainWords()],
  ...(module === null ? [] : [['kernels', () => new SimdWords(module)] as const]),
].map(([name, make]) => [name as string, make as () => WordMemory]);

describe.each(MEMORIES)('lists in %s', (_, memory) => {
  it('hold the sums that are not 0, as maps do', () => {
    const pairs = fc.array(
      fc.record({
        from: fc.nat({ max: 5 }),
        to: fc.nat({ max: 200 }),
        count: fc.integer({ min: -1, max: 2 }),
      }),
      { maxLength: 3000, size: 'max' },
    );
    const domainOf = (row: number): number => row % 3;
    fc.assert(
      fc.property(pairs, fc.boolean(), (list, together) => {
        const ours = new Neighbours(key, memory());
        const map = new Map<string, number>();
        for (const { from, to, count } of list) {
          const sum = (map.get(`${from} ${to}`) ?? 0) + count;
          if (sum === 0) map.delete(`${from} ${to}`);
          else map.set(`${from} ${to}`, sum);
          if (!together) ours.add(from, to, domainOf(to), count);
        }
        if (together) addAll(ours, list, domainOf);
        const found = new Map<string, number>();
        const named = new Set<number>();
        for (let from = 0; from <= 5; from++) {
          for (const at of ours.listsOf(from)) {
            const { rows, counts } = ours.entriesOf(at);
            for (const [i, to] of rows.entries()) {
              found.set(`${from} ${to}`, counts[i]!);
              named.add(to);
              expect(ours.list(from, domainOf(to))).toBe(at);
            }
          }
        }
        expect(found).toEqual(map);
        for (let to = 6; to <= 200; to++) expect(ours.isFree(to)).toBe(!named.has(to));
      }),
      { numRuns: 30 },
    );
  });

  it('grow as long as it takes', () => {
    const ours = new Neighbours(key, memory());
    addAll(
      ours,
      Array.from({ length: 20_000 }, (_, i) => ({ from: 0, to: i + 1, count: i + 1 })),
      () => 0,
    );
    expect(ours.sizeOf(ours.list(0, 0))).toBe(20_000);
    expect(ours.get(0, 19_999, 0)).toBe(19_999);
  });

  it('that are long are told from the others', () => {
    const random = Random.of('long');
    const ours = new Neighbours(key, memory());
    const sizes = Array.from({ length: 20_000 }, () => random.below(6));
    for (const [row, size] of sizes.entries()) {
      for (let k = 0; k < size; k++) ours.add(row, k, random.below(2), 1);
    }
    const rows = Int32Array.from({ length: 25_000 }, (_, i) => i);
    const long = ours.withLongLists(rows, 2);
    const isLong = (row: number) => ours.listsOf(row).some((list) => ours.sizeOf(list) > 2);
    const expected = Array.from(sizes.keys()).filter(isLong);
    expect(expected.length).toBeGreaterThan(1000);
    expect(Array.from(rows.subarray(0, long))).toEqual(expected);
  });

  it('use again what was freed', () => {
    const ours = new Neighbours(key, memory());
    const fill = (sign: number): void => {
      for (let to = 1; to < 300; to++) ours.add(0, to, 0, sign);
    };
    fill(1);
    const { bytes } = ours;
    for (let i = 0; i < 5; i++) {
      fill(-1);
      expect(ours.isFree(0)).toBe(true);
      ours.drop(0);
      fill(1);
    }
    expect(ours.bytes).toBe(bytes);
    expect(ours.get(0, 299, 0)).toBe(1);
    ours.clear();
    expect(ours.get(0, 299, 0)).toBe(0);
    expect(ours.bytes).toBeLessThan(bytes);
  });
});

describe('the list of an item', () => {
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
        if (list0 === 0) return;
        const worst = entries(one.excess(99, list0, limit));
        const list1 = other.list(99, 0);
        if (list1 !== 0) expect(entries(other.excess(99, list1, limit))).toEqual(worst);
        const positive = Array.from({ length: 31 }, (_, row) => one.get(99, row, 0)).filter(
          (n) => n > 0,
        );
        const gone = [...worst.values()].sort((a, b) => a - b);
        const wanted = one.sizeOf(list0) > limit ? Math.max(0, positive.length - limit) : 0;
        expect(gone).toEqual(positive.sort((a, b) => a - b).slice(0, wanted));
      }),
    );
  });

  it('breaks ties by key where hashes are the same', () => {
    const list = {
      rows: Int32Array.from({ length: 9 }, (_, row) => row),
      counts: new Int32Array(9).fill(1),
    };
    const order = { hash: () => 7, key: (row: number) => `k${9 - row}` };
    expect([...excessOf(list, 3, order, 0).rows].sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });
});

describe.each(MEMORIES)('a walk over lists in %s', (_, memory) => {
  it('has no cosines left of the walk before it', () => {
    const lists = new Neighbours(key, memory());
    const { room } = lists;
    for (let row = 2; row < 40; row++) lists.add(1, row, 0, row);
    const sums = (wanted: boolean): number[] => {
      room.begin(40);
      room.beginStarts(1);
      room.addStartAt(1, -1, 0.5);
      room.stepOne(0);
      if (wanted) room.addCosines(0);
      expect(room.length).toBe(38);
      return Array.from({ length: 40 }, (__, row) => room.doubles[room.cosines / 2 + row]!);
    };
    const halves = Array.from({ length: 40 }, (__, row) => (row < 2 ? 0 : row / 2));
    expect(sums(true)).toEqual(halves);
    expect(sums(true)).toEqual(halves);
    expect(sums(false)).toEqual(new Array(40).fill(0));
  });

  it('that begins anew after all was forgotten writes over none of them', () => {
    const lists = new Neighbours(key, memory());
    const { room } = lists;
    const walk = (): void => {
      room.begin(40);
      room.beginStarts(1);
      room.addStartAt(1, -1, 1);
      room.stepOne(0);
    };
    walk();
    lists.clear();
    for (let row = 2; row < 40; row++) lists.add(1, row, 0, row);
    walk();
    walk();
    expect(room.length).toBe(38);
    for (let row = 2; row < 40; row++) expect(lists.get(1, row, 0)).toBe(row);
  });
});

describe.each(MEMORIES)('steps of a walk over lists in %s', (_, memory) => {
  const ROWS = 60;

  it.each([1, 2, 40])(
    'are the sums of what %d starts lead to, and leave nothing behind',
    (starts) => {
      const random = Random.of('steps', starts);
      const lists = new Neighbours(key, memory());
      for (let i = 0; i < 2000; i++) {
        const row = random.below(ROWS - 10);
        lists.add(random.below(40), row, row % 2, random.below(9) - 1);
      }
      const { room } = lists;
      // Twice, since what is left of one walk would show in the next.
      for (const domain of [0, 1]) {
        room.begin(ROWS);
        const one = new Float64Array(ROWS);
        const two = new Float64Array(ROWS);
        let [sumOne, sumTwo] = [0, 0];
        room.beginStarts(starts);
        const from = Array.from({ length: starts }, () => random.below(40));
        // Eighths and thirds: sums of the first are exact, parts of the second are rounded to be.
        for (const row of from) room.addStartAt(row, -1, 0.125);
        const massOne = room.stepOne(domain);
        room.beginStarts(starts);
        for (const row of from) room.addStartAt(row, -1, 1 / 3);
        const massTwo = room.stepTwo(domain);
        for (const row of from) {
          for (let other = 0; other < ROWS; other++) {
            const count = lists.get(row, other, domain);
            if (other % 2 !== domain || count < 1) continue;
            const part = Math.round((count / 3) * 2 ** 30) / 2 ** 30;
            one[other]! += count / 8;
            two[other]! += part;
            sumOne += count / 8;
            sumTwo += part;
          }
        }
        const { words, doubles, rows, length } = room;
        const reached = Array.from(words.subarray(rows, rows + length)).sort((a, b) => a - b);
        const wanted = Array.from(one.keys()).filter((row) => one[row]! + two[row]! > 0);
        expect(reached).toEqual(wanted);
        expect([massOne, massTwo]).toEqual([sumOne, sumTwo]);
        for (let row = 0; row < ROWS; row++) {
          const at = room.masses / 2 + row * 2;
          expect([doubles[at], doubles[at + 1]]).toEqual([one[row], two[row]]);
        }
        room.stepOn();
        const bridges = Array.from(words.subarray(room.bridges, room.bridges + room.bridgeCount));
        expect(bridges.sort((a, b) => a - b)).toEqual(wanted);
        for (let row = 0; row < ROWS; row++) {
          expect(doubles[room.start / 2 + row]).toBe(one[row]! + two[row]!);
        }
      }
    },
  );
});

function convex(x: number): number {
  return x ** 2 / (1 + x);
}

describe.each(MEMORIES)('a search among the rows reached, of lists in %s', (_, memory) => {
  const walked = { lift: 1.2, walk: 0.5, perOne: 3, perTwo: 9, perCosine: 2, perDiscount: 7 };

  it.each([
    [0, 0, 0],
    [0.6, 0, 0],
    [0.6, 0.4, 3],
  ])(
    'finds those whose score may come up to the bar, and none that are far below it (cosines weigh %f, discounts %f, saturation %f)',
    (cosine, discount, saturation) => {
      const weights = { popularity: 0.7, bias: 0.2, ...walked, cosine, discount, saturation };
      const random = Random.of('reaching', 1);
      const lists = new Neighbours(key, memory());
      const { room } = lists;
      for (let row = 1; row < 400; row++) lists.add(0, row, 0, 1 + random.below(50));
      room.begin(400);
      const bias = Float32Array.from({ length: 400 }, () => random.normal());
      const norm = Float32Array.from({ length: 400 }, () => random.float());
      for (let row = 1; row < 400; row++) {
        room.setFacts(row, bias[row]!, Math.log1p(row), norm[row]!, 1 / Math.sqrt(row));
      }
      room.beginStarts(1);
      room.addStartAt(0, -1, 0.1);
      room.stepOne(0);
      room.beginStarts(1);
      room.addStartAt(0, -1, 0.3);
      room.addCosines(0);
      const added = (row: number): number => {
        const mass = lists.get(0, row, 0) * 0.1;
        const steps = 1.2 * Math.log1p(3 * mass) + 0.5 * Math.log1p(9 * mass);
        return steps + cosine * convex(alike(row)) - discount * Math.log1p(7 * mass);
      };
      const alike = (row: number): number =>
        Math.log1p((2 * lists.get(0, row, 0) * 0.3) / Math.sqrt(row));
      const most = (row: number): number => {
        const deep = (0.4 * norm[row]!) / (1 + saturation * 0.4 * norm[row]!);
        return 0.7 * Math.log1p(row) + 0.2 * bias[row]! + deep + added(row);
      };
      // What each logarithm's bound is above it at the most, 0.07, times its weight.
      const slack = 0.13 + 0.07 * (cosine + discount);
      for (const bar of [Number.NEGATIVE_INFINITY, 6, 8, 9, Number.POSITIVE_INFINITY]) {
        const found: number[] = [];
        for (let from = 0; from < room.length; ) {
          from = room.reaching(from, { ...weights, reach: 0.4, bar });
          const { words, doubles, found: at } = room;
          for (let i = 0; i < words[at]!; i++) {
            const row = words[at + 1 + i]!;
            found.push(row);
            const bound = doubles[room.added / 2 + i]!;
            expect(bound).toBeGreaterThan(added(row) - 1e-5);
            expect(bound).toBeLessThan(added(row) + slack);
          }
        }
        const all = Array.from({ length: 399 }, (__, i) => i + 1);
        expect(new Set(found).size).toBe(found.length);
        expect(found).toEqual(expect.arrayContaining(all.filter((row) => most(row) > bar + 1e-5)));
        expect(found.filter((row) => most(row) < bar - slack)).toEqual([]);
      }
    },
  );
});

describe.each(MEMORIES)('the parts of a step over lists in %s', (_, memory) => {
  it('are what each start brings to each row that is asked for, and nothing is left of them', () => {
    const random = Random.of('parts', 1);
    const lists = new Neighbours(key, memory());
    for (let i = 0; i < 800; i++)
      lists.add(random.below(9), random.below(60), 0, random.below(6) - 1);
    const { room } = lists;
    room.begin(60);
    for (const rows of [[3, 50, 8], [17], [3, 4, 5, 6, 7, 8, 9, 10]]) {
      room.beginStarts(9);
      for (let row = 0; row < 9; row++) room.addStartAt(row, -1, (row + 1) / 4);
      room.partsOf(rows, 0);
      for (const [place, row] of rows.entries()) {
        for (let start = 0; start < 9; start++) {
          const wanted = Math.max(0, lists.get(start, row, 0)) * ((start + 1) / 4);
          expect(room.doubles[room.parts / 2 + place * 9 + start]).toBe(wanted);
        }
      }
    }
  });
});

describe('a fork', () => {
  it('and what it was taken from change by themselves', () => {
    const live = new Neighbours(key, module === null ? undefined : new SimdWords(module));
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
