import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Blend } from '../../src/online/blend/blend.js';
import { poolInto } from '../../src/online/encoders/mean.js';
import { type SimdMemory, simdMemory } from '../../src/online/kernels/memory.js';
import { dotsOfRows } from '../../src/online/kernels/simd-dots.js';
import { poolByKernel } from '../../src/online/kernels/simd-pool.js';
import { scan } from '../../src/online/kernels/simd-scan.js';
import { Model } from '../../src/online/model.js';
import { Random } from '../../src/online/random.js';
import { Priors } from '../../src/online/serving/priors.js';
import { plainScan, type Scan } from '../../src/online/serving/scan.js';
import { TopN } from '../../src/online/serving/top-n.js';
import { ItemTable } from '../../src/online/table.js';
import { fc } from '../support/properties.js';
import { portrait, randomDeltas } from './model-fixtures.js';
import { coarseWorld } from './serving-fixtures.js';

/** Lists of places and scores for some random queries of eighths, which sum exactly. */
function lists(
  model: Model,
  how: Scan,
  seed: number,
  queries: number,
  n: number,
  saturations = [0],
) {
  const random = Random.of('queries', seed);
  const d = model.dimension;
  const query = Float32Array.from({ length: queries * d }, () => (random.below(7) - 3) / 8);
  const domain = model.findDomain('domain-0');
  const priors = new Priors(model).of(domain, new Blend(model).known);
  // Priors are logarithms: on a grid, sums with them are exact too.
  for (let i = 0; i < priors.length; i++) {
    priors.base[i] = Math.round(priors.base[i]! * 1024) / 1024;
    priors.logs[i] = Math.round(priors.logs[i]! * 1024) / 1024;
  }
  const targets = Array.from({ length: queries }, (_, i) => {
    const rows = [priors.rows[0]!, priors.rows[random.below(priors.length)]!];
    const excluded = { rows, has: (row: number) => rows.includes(row) };
    // What popularity weighs more, at most for some, is on a grid as well.
    const popularity = i % 3 === 0 ? 0 : (random.below(9) - 4) / 4;
    const saturation = saturations[i % saturations.length]!;
    return { at: i * d, popularity, saturation, excluded, best: new TopN(n) };
  });
  how(model.items, priors, query, targets);
  return targets.map(({ best }) => best.drain());
}

function memory(dimension: number) {
  const made = simdMemory(dimension);
  if (made === null) throw new Error('This Node has no WebAssembly with SIMD');
  return made;
}

function bytesOf(column: Float32Array | Float64Array): Buffer {
  return Buffer.from(column.buffer, column.byteOffset, column.byteLength);
}

describe('the SIMD scan', () => {
  it.each([4, 8, 32, 64])(
    'finds what the plain one finds at d = %s, ties included',
    (dimension) => {
      // Memories are large reservations: one model for many questions.
      const { model } = coarseWorld(1, {
        items: 1500,
        dimension,
        users: 0,
        memory: memory(dimension),
      });
      fc.assert(
        fc.property(fc.nat(), fc.integer({ min: 0, max: 9 }), fc.nat({ max: 20 }), (seed, q, n) => {
          const fast = lists(model, scan, seed, q, n);
          const plain = lists(model, plainScan, seed, q, n);
          expect(fast.map((list) => list.map(({ index }) => index))).toEqual(
            plain.map((list) => list.map(({ index }) => index)),
          );
          for (const [i, list] of fast.entries()) {
            for (const [k, { score }] of list.entries()) {
              expect(score).toBeCloseTo(plain[i]![k]!.score, 4);
            }
          }
        }),
        { numRuns: 10 },
      );
    },
  );

  it('scores as the plain one does where products saturate, each by its own', () => {
    const { model } = coarseWorld(4, { items: 1500, dimension: 8, users: 0, memory: memory(8) });
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 9 }), fc.nat({ max: 20 }), (seed, q, n) => {
        const saturations = [0, 3, 0.3, 40];
        const plain = lists(model, plainScan, seed, q, n, saturations);
        // Of ties but for rounding either may go first.
        for (const [i, list] of lists(model, scan, seed, q, n, saturations).entries()) {
          expect(list.length).toBe(plain[i]!.length);
          for (const [k, { score }] of list.entries()) {
            expect(score).toBeCloseTo(plain[i]![k]!.score, 4);
          }
        }
      }),
      { numRuns: 20 },
    );
  });

  it('takes more queries than its scratch holds', () => {
    const { model } = coarseWorld(2, { items: 40, dimension: 512, users: 0, memory: memory(512) });
    expect(lists(model, scan, 1, 601, 3).map((list) => list[0]!.index)).toEqual(
      lists(model, plainScan, 1, 601, 3).map((list) => list[0]!.index),
    );
  });

  it('is the plain one where the table does not live in its memory', () => {
    const { model } = coarseWorld(3, { dimension: 6, users: 0 });
    expect(simdMemory(6)).toBeNull();
    expect(lists(model, scan, 1, 5, 10)).toEqual(lists(model, plainScan, 1, 5, 10));
  });
});

it.each([6, 8])('the products of many rows are those of the definition at d = %s', (dimension) => {
  const { model } = coarseWorld(4, {
    items: 5000,
    dimension,
    users: 0,
    memory: simdMemory(dimension) ?? undefined,
  });
  const random = Random.of('rows');
  const query = Float32Array.from({ length: 3 * dimension }, () => random.below(7) - 3);
  for (const n of [1, 4, 9000]) {
    const rows = Int32Array.from({ length: n }, () => random.below(model.items.size));
    const out = new Float32Array(n + 1).fill(77);
    dotsOfRows(model.items, rows, n, query, dimension, out);
    const expected = Array.from(rows, (row) => {
      let sum = 0;
      for (let k = 0; k < dimension; k++) {
        sum += model.items.embeddings[row * dimension + k]! * query[dimension + k]!;
      }
      return sum;
    });
    expect(Array.from(out, (value) => value + 0)).toEqual([...expected, 77].map((v) => v + 0));
  }
});

describe('a model in the memory of the kernels', () => {
  it('is the same as one in arrays, through growth, applies and reverts', () => {
    const options = { seed: 3, dimension: 4, initialScale: 0.02 };
    const models = [new Model(options), new Model(options, memory(4))];
    for (const model of models) {
      const deltas = randomDeltas(1, 12);
      for (const delta of deltas) model.apply(delta);
      for (let i = 0; i < 3000; i++) model.intern('films', `item ${i}`);
      for (const delta of deltas.slice(6)) model.revert(delta);
    }
    expect(portrait(models[1]!)).toEqual(portrait(models[0]!));
  });

  it.each([4, 32])('adds and takes away more rows than its scratch holds, d = %s', (d) => {
    const random = Random.of('rows', d);
    const tables = [new ItemTable(d), new ItemTable(d, memory(d))];
    const rows = Int32Array.from({ length: 40_000 }, () => random.below(30_000));
    const changes = () => ({
      values: Int32Array.from({ length: rows.length * (d + 1) }, () => random.next() >> 7),
      accumulators: Float64Array.from({ length: rows.length * 2 }, () => random.next() * 2 ** 20),
    });
    for (const table of tables) for (let i = 0; i < 30_000; i++) table.append();
    for (const sign of [1, -1] as const) {
      const some = changes();
      for (const table of tables) table.add(rows, some, sign);
    }
    const [ours, theirs] = tables as [ItemTable, ItemTable];
    for (const column of ['embeddings', 'biases', 'accumulators'] as const) {
      expect(bytesOf(ours[column]).equals(bytesOf(theirs[column]))).toBe(true);
    }
    for (let row = 0; row < ours.size; row += 97) {
      expect(theirs.norms[row]).toBeCloseTo(ours.norms[row]!, 3);
    }
  });

  it('does not share it with another model', () => {
    const shared = memory(4);
    new Model({ seed: 1, dimension: 4, initialScale: 0.02 }, shared);
    expect(() => new Model({ seed: 1, dimension: 4, initialScale: 0.02 }, shared)).toThrow(
      /one model/,
    );
    expect(() => new Model({ seed: 1, dimension: 8, initialScale: 0.02 }, shared)).toThrow(
      /one model/,
    );
  });
});

it.each([4, 12, 32])('pools histories to the last bit as the loop does, d = %s', (d) => {
  const table = new ItemTable(d, memory(d));
  const random = Random.of('pool', d);
  for (let row = 0; row < 200; row++) table.append();
  for (let i = 0; i < 200 * d; i++) table.embeddings[i] = random.normal();
  // Some larger than the scratch holds together, some empty, some entries without weight.
  const sizes = Array.from({ length: 3000 }, () => random.below(4) * 20);
  const offsets = new Int32Array(sizes.length + 1);
  for (const [i, size] of sizes.entries()) offsets[i + 1] = offsets[i]! + size;
  const entries = offsets.at(-1)!;
  const histories = {
    slots: sizes.length,
    offsets,
    rows: Int32Array.from({ length: entries }, () => random.below(200)),
    weights: Float32Array.from({ length: entries }, () => [0, 1, random.float()][random.below(3)]!),
    ages: new Float64Array(entries),
    sources: new Int32Array(sizes.length),
  };
  const pooled = poolByKernel(table.memory as SimdMemory, histories, d)!;
  const x = new Float32Array(sizes.length * d);
  for (let slot = 0; slot < sizes.length; slot++) {
    const [from, to] = [offsets[slot]!, offsets[slot + 1]!];
    const { rows, weights } = histories;
    const scale = poolInto(rows, weights, from, to, table.embeddings, d, x, slot * d);
    expect(pooled.scales[slot]).toBe(scale);
  }
  expect(bytesOf(pooled.x).equals(bytesOf(x))).toBe(true);
});

it('the binary that is checked in is that of the source', () => {
  const script = new URL('../../src/online/kernels/assembly/build.mjs', import.meta.url);
  execFileSync(process.execPath, [fileURLToPath(script), '--check'], { stdio: 'pipe' });
});
