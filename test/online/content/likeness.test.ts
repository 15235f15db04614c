import { describe, expect, it } from 'vitest';
import { contentDelta } from '../../../src/online/content/delta.js';
import { describeItems } from '../../../src/online/content/describe.js';
import { ContentEncoder } from '../../../src/online/content/encoder.js';
import type { ContentMode } from '../../../src/online/content/hybrid.js';
import { Likeness } from '../../../src/online/content/likeness.js';
import { MOST_OF_A_KIND, PLACES } from '../../../src/online/content/sparse.js';
import { Model } from '../../../src/online/model.js';
import { Random } from '../../../src/online/random.js';
import type { TimedHistory } from '../../../src/online/stacking/newest.js';
import type { Delta } from '../../../src/online/types.js';
import { fc } from '../../support/properties.js';

const D = 4;
const WORDS = ['night', 'train', 'garden', 'missing', 'heir', 'songs', 'of', 'spring'];
const LABELS = ['crime', 'poetry', 'cookery'];

function modelOf(mode: ContentMode = 'hybrid'): Model {
  return new Model({ seed: 1, dimension: D, initialScale: 0, mode });
}

/** Deltas that say something of some items, now and then nothing any more; with the model that they add up to. */
function described(seed: number): { readonly model: Model; readonly deltas: Delta[] } {
  const random = Random.of('likeness', seed);
  const encoder = new ContentEncoder(1, D);
  const model = modelOf();
  const some = (of: readonly string[], n: number): string[] =>
    Array.from({ length: n }, () => of[random.below(of.length)]!);
  const deltas = Array.from({ length: 12 }, () => {
    const items = Array.from({ length: 6 }, () => {
      const key = `${['films', 'books'][random.below(2)]!}/${random.below(12)}`;
      const title = some(WORDS, random.below(4)).join(' ');
      const categories = some(LABELS, random.below(3));
      const said = { title, categories, tags: [], text: null, vectors: {} };
      return [key, random.below(5) === 0 ? null : encoder.encode(said)] as const;
    });
    const delta = contentDelta(describeItems(model, new Map(items)));
    model.apply(delta);
    return delta;
  });
  return { model, deltas };
}

function historiesOf(model: Model, random: Random): TimedHistory[] {
  return ['films', 'books'].map((name) => {
    const n = random.below(9);
    const rows = Array.from({ length: n }, () => model.intern(name, `${random.below(12)}`));
    return {
      domain: model.domainIndex(name),
      rows,
      weights: rows.map(() => (random.below(4) === 0 ? 0 : 1)),
      times: rows.map((_, i) => 10 * i + (name === 'books' ? 1 : 0)),
    };
  });
}

/** The definition, word for word. */
function naive(
  model: Model,
  histories: readonly TimedHistory[],
  row: number,
  kind: number,
): number {
  const { store } = model.content;
  const featuresOf = (of: number): number[] => {
    const slot = store.slotOf(of);
    if (slot < 0) return [];
    const from = slot * PLACES + kind * MOST_OF_A_KIND;
    return [...store.features.subarray(from, from + MOST_OF_A_KIND)].filter((code) => code !== 0);
  };
  const all = Array.from({ length: model.items.size }, (_, of) => featuresOf(of));
  const n = (code: number): number => all.filter((own) => own.includes(code)).length;
  const described = all.filter((own) => own.length > 0).length;
  const rarity = (code: number): number => Math.log(1 + described / n(code));
  const length = (own: number[]): number => Math.hypot(...own.map(rarity));
  const liked = histories
    .flatMap(({ rows, weights, times }) =>
      Array.from(rows, (item, i) => ({ item, weight: weights[i]!, time: times[i]! })),
    )
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.time - a.time)
    .slice(0, 10);
  const total = liked.reduce((sum, _, k) => sum + 0.7 ** k, 0);
  let likeness = 0;
  for (const [k, { item }] of liked.entries()) {
    const [a, b] = [all[row]!, all[item]!];
    const both = a.filter((code) => b.includes(code) && n(code) > 1);
    if (both.length === 0) continue;
    const product = both.reduce((sum, code) => sum + rarity(code) ** 2, 0);
    likeness += ((0.7 ** k / total) * product) / (length(a) * length(b));
  }
  return likeness;
}

/** Of all rows, by kind: asked for one by one, and for a whole domain as often as it takes for that to be worth a look at all its items. */
function likenessOf(model: Model, histories: readonly TimedHistory[]): Float64Array[] {
  const likeness = new Likeness(model);
  likeness.run(histories);
  const byKind = [new Float64Array(model.items.size), new Float64Array(model.items.size)] as const;
  for (let domain = 0; domain < model.domainCount; domain++) {
    const all = Array.from({ length: model.items.size }, (_, row) => row);
    const rows = all.filter((row) => model.domainOf(row) === domain);
    const often = Array.from({ length: 40 }, () => rows).flat();
    const [labels, words] = [new Float64Array(often.length), new Float64Array(often.length)];
    likeness.byKind(often, often.length, domain, labels, words);
    for (const [i, row] of often.entries()) {
      const one = [new Float64Array(1), new Float64Array(1)] as const;
      likeness.byKind([row], 1, domain, ...one);
      expect([labels[i], words[i]]).toEqual([one[0][0], one[1][0]]);
      byKind[0][row] = one[0][0]!;
      byKind[1][row] = one[1][0]!;
    }
  }
  return [...byKind];
}

describe('likeness to what a user liked last', () => {
  it('is that of the definition', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const { model } = described(seed);
        const histories = historiesOf(model, Random.of('histories', seed));
        for (const [kind, found] of likenessOf(model, histories).entries()) {
          for (const [row, value] of found.entries()) {
            expect(value).toBeCloseTo(naive(model, histories, row, kind), 5);
            expect(value).toBeLessThan(1.00001);
          }
        }
      }),
      { numRuns: 30 },
    );
  });

  it('is the same, to the last bit, in whatever order what is said came, and what was taken back', () => {
    const { model, deltas } = described(3);
    const other = modelOf();
    for (const domain of ['films', 'books']) {
      for (let i = 0; i < 12; i++) other.intern(domain, `${i}`);
    }
    const shuffled = deltas.toSorted((a, b) =>
      a.content!.keys[0]! < b.content!.keys[0]! ? 1 : -1,
    );
    for (const delta of shuffled) {
      other.apply(delta);
      other.revert(delta);
      likenessOf(other, historiesOf(other, Random.of('between')));
      other.apply(delta);
    }
    const byKey = (of: Model): Record<string, (number | undefined)[]> => {
      const found = likenessOf(of, historiesOf(of, Random.of('after')));
      return Object.fromEntries(
        Array.from({ length: of.items.size }, (_, row) => [
          of.key(row),
          found.map((values) => values[row]),
        ]).sort(),
      );
    };
    for (const domain of ['films', 'books']) {
      for (let i = 0; i < 12; i++) model.intern(domain, `${i}`);
    }
    expect(byKey(other)).toEqual(byKey(model));
    expect(Object.values(byKey(model)).some(([labels, words]) => labels! > 0 && words! > 0)).toBe(
      true,
    );
  });

  it('is made up of what each of the liked items brings', () => {
    const { model } = described(7);
    const histories = historiesOf(model, Random.of('histories', 8));
    const likeness = new Likeness(model);
    likeness.run(histories);
    const found = likenessOf(model, histories);
    const touched = [...new Set(histories.flatMap(({ rows }) => Array.from(rows)))];
    const weights = { categories: 2, words: 3 };
    for (let row = 0; row < model.items.size; row++) {
      const parts = new Float64Array(touched.length);
      likeness.addParts(parts, touched, touched.length, row, weights);
      const sum = parts.reduce((all, part) => all + part, 0);
      expect(sum).toBeCloseTo(2 * found[0]![row]! + 3 * found[1]![row]!, 5);
    }
  });

  it('is looked for only where something is known, and the mode lets it count', () => {
    const { deltas } = described(4);
    const known = modelOf();
    const collaborative = modelOf('collaborative');
    for (const delta of deltas) {
      known.apply(delta);
      collaborative.apply(delta);
    }
    const isOn = (model: Model): boolean => {
      const likeness = new Likeness(model);
      likeness.run(historiesOf(model, Random.of('histories', 4)));
      return likeness.isOn;
    };
    expect([known, collaborative, modelOf()].map(isOn)).toEqual([true, false, false]);
    for (const delta of deltas.toReversed()) known.revert(delta);
    expect(isOn(known)).toBe(false);
  });
});
