import { describe, expect, it } from 'vitest';
import { contentDelta } from '../../../src/online/content/delta.js';
import { describeItems } from '../../../src/online/content/describe.js';
import { ContentEncoder } from '../../../src/online/content/encoder.js';
import type { ContentMode } from '../../../src/online/content/hybrid.js';
import { simdMemory } from '../../../src/online/kernels/memory.js';
import { Model } from '../../../src/online/model.js';
import { contentOf, DIMENSION, OPTIONS, portrait, randomDeltas } from '../model-fixtures.js';

/** v_j from its definition. */
function vectorOf(model: Model, row: number, mode: ContentMode): number[] {
  const d = model.dimension;
  const { store } = model.content;
  const own = model.ownEmbedding(row) ?? model.items.embeddings.slice(row * d, (row + 1) * d);
  const slot = store.slotOf(row);
  if (slot < 0 || !store.isFilled(slot) || mode === 'collaborative') return [...own];
  const block = model.block(`content/${model.domainName(model.domainOf(row))}`);
  return Array.from(own, (e, k) => {
    let sum = mode === 'content' ? 0 : e;
    for (let c = 0; c < store.size; c++) {
      sum += (store.values[slot * store.size + c]! / 2 ** 20) * block[c * d + k]!;
    }
    return sum;
  });
}

describe('the vectors of items with content', () => {
  for (const mode of ['collaborative', 'content', 'hybrid'] as const) {
    it(`are those of the definition after any deltas (${mode})`, () => {
      for (const memory of [undefined, simdMemory(DIMENSION) ?? undefined]) {
        const model = new Model({ ...OPTIONS, mode }, memory);
        const deltas = randomDeltas(5, 40);
        for (const [i, delta] of deltas.entries()) {
          model.apply(delta);
          if (i % 7 === 6) model.revert(delta);
          if (i % 3 === 0) model.settle();
        }
        model.settle();
        const d = model.dimension;
        let hybrid = 0;
        for (let row = 0; row < model.items.size; row++) {
          const vector = model.items.embeddings.subarray(row * d, (row + 1) * d);
          for (const [k, value] of vectorOf(model, row, mode).entries()) {
            expect(vector[k]).toBeCloseTo(value, 5);
          }
          expect(model.items.norms[row]).toBeCloseTo(Math.hypot(...vector), 5);
          if (model.content.isHybrid(row)) hybrid++;
        }
        expect(hybrid > 0).toBe(mode !== 'collaborative');
      }
    });
  }

  it('are the same, to the last bit, however they came about', () => {
    const deltas = randomDeltas(6, 30);
    const eager = new Model(OPTIONS);
    for (const delta of deltas) {
      eager.apply(delta);
      eager.settle();
    }
    const late = new Model(OPTIONS);
    for (const delta of deltas) late.apply(delta);
    expect(portrait(late)).toEqual(portrait(eager));
  });

  it('make no part of the hash: the mode changes none', () => {
    const digests = (['collaborative', 'content', 'hybrid'] as const).map((mode) => {
      const model = new Model({ ...OPTIONS, mode });
      for (const delta of randomDeltas(7, 20)) {
        model.apply(delta);
        model.settle();
      }
      return model.digest();
    });
    expect(new Set(digests).size).toBe(1);
  });

  it('are embeddings again when what was said is taken back', () => {
    const model = new Model(OPTIONS);
    for (const delta of randomDeltas(8, 10)) {
      const { content: _, ...rest } = delta;
      model.apply(rest);
    }
    const before = portrait(model);
    const said = contentDelta({
      keys: ['films/1', 'games/new'],
      values: Int32Array.from({ length: 4 * DIMENSION }, (_, i) => i << 10),
      categories: Int32Array.of(3, 4),
    });
    model.apply(said);
    model.settle();
    expect(portrait(model)).not.toEqual(before);
    model.revert(said);
    expect(portrait(model)).toEqual(before);
  });
});

describe('how many items of a domain have content', () => {
  it('depends on what is in the model, not on what was taken back or said anew', () => {
    const said = (...keys: string[]) =>
      contentDelta({
        keys,
        values: new Int32Array(keys.length * 2 * DIMENSION).fill(1 << 10),
        categories: new Int32Array(keys.length),
      });
    const fresh = new Model(OPTIONS);
    const model = new Model(OPTIONS);
    for (let times = 0; times < 3; times++) {
      const doomed = said('games/x', 'films/1', 'films/2');
      model.apply(doomed);
      model.settle();
      model.revert(doomed);
    }
    for (const one of [fresh, model]) {
      one.apply(said('films/1'));
      one.settle();
      expect(one.content.countOf(one.findDomain('films'))).toBe(1);
      expect([...one.content.rowsOf(one.findDomain('films'))]).toHaveLength(1);
    }
  });
});

describe('describing items', () => {
  const encoder = new ContentEncoder(1, DIMENSION);
  const item = (title: string, ...categories: string[]) =>
    encoder.encode({ title, categories, tags: [], text: null, vectors: {} });

  it('comes to what was said last, whatever was said before, and to nothing when it is taken back', () => {
    const model = new Model(OPTIONS);
    const say = (items: Record<string, ReturnType<typeof item> | null>) => {
      const delta = contentDelta(describeItems(model, new Map(Object.entries(items))));
      model.apply(delta);
      return delta.content!.keys;
    };
    const alien = item('Alien', 'Horror');
    const heat = item('Heat', 'Crime');
    expect(say({ 'films/a': heat, 'films/h': heat })).toEqual(['films/a', 'films/h']);
    expect(say({ 'films/a': alien, 'films/h': heat })).toEqual(['films/a']);
    expect(contentOf(model)).toEqual({
      'films/a': [alien.category, ...alien.values, ...alien.features],
      'films/h': [heat.category, ...heat.values, ...heat.features],
    });
    expect(say({ 'films/a': null, 'films/h': null, 'films/never': null })).toEqual([
      'films/a',
      'films/h',
    ]);
    expect(contentOf(model)).toEqual({});
    expect(model.digest()).toBe(new Model(OPTIONS).digest());
  });
});
