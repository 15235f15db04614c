import { describe, expect, it } from 'vitest';
import {
  type Described,
  MOST_OF_A_KIND,
  PLACES,
  sparseFeatures,
} from '../../../src/online/content/sparse.js';
import { fc } from '../../support/properties.js';

const NOTHING: Described = { title: null, categories: [], tags: [], text: null };

function categoriesOf(said: Partial<Described>): Set<number> {
  const all = sparseFeatures({ ...NOTHING, ...said }).subarray(0, MOST_OF_A_KIND);
  return new Set(all.filter((code) => code !== 0));
}

function words(said: Partial<Described>): Set<number> {
  const all = sparseFeatures({ ...NOTHING, ...said }).subarray(MOST_OF_A_KIND);
  return new Set(all.filter((code) => code !== 0));
}

function common(a: Set<number>, b: Set<number>): number {
  return [...a].filter((code) => b.has(code)).length;
}

const some: fc.Arbitrary<Described> = fc.record({
  title: fc.option(fc.string({ unit: 'binary', maxLength: 30 })),
  categories: fc.array(fc.string({ unit: 'binary', maxLength: 12 }), { maxLength: 50 }),
  tags: fc.array(fc.string({ maxLength: 12 }), { maxLength: 50 }),
  text: fc.option(fc.string({ unit: 'binary', maxLength: 400 })),
});

describe('the features of an item', () => {
  it('are different ones without gaps, so many of each kind at the most, whatever is said', () => {
    fc.assert(
      fc.property(some, (said) => {
        const features = sparseFeatures(said);
        expect(features).toHaveLength(PLACES);
        for (const from of [0, MOST_OF_A_KIND]) {
          const own = features.subarray(from, from + MOST_OF_A_KIND);
          const n = own.indexOf(0);
          const taken = own.subarray(0, n < 0 ? own.length : n);
          expect(own.filter((code) => code !== 0)).toEqual(taken);
          expect(new Set(taken).size).toBe(taken.length);
        }
      }),
    );
  });

  it('are none where nothing is said', () => {
    expect(sparseFeatures({ ...NOTHING, title: ' -- ', categories: [' '] })).toEqual(
      new Uint16Array(PLACES),
    );
  });

  it('are categories as wholes, however they are written, and apart from words; tags are among those', () => {
    const drama = categoriesOf({ categories: ['Drama', 'War film'] });
    expect(drama).toEqual(categoriesOf({ categories: ['ＤＲＡＭＡ ', 'war film'] }));
    expect(drama.size).toBe(2);
    expect(words({ categories: ['Drama'] }).size).toBe(0);
    expect(categoriesOf({ title: 'Drama', tags: ['drama'] }).size).toBe(0);
    expect(words({ tags: ['Time travel', 'drama'] }).size).toBe(2);
    expect(common(words({ tags: ['Drama'] }), words({ title: 'a drama' }))).toBe(1);
  });

  it('are words in scripts with spaces, and pairs of characters in others', () => {
    expect(words({ title: 'Toy Story' }).size).toBe(2);
    expect(common(words({ title: 'Солярис' }), words({ title: 'солярис, фильм' }))).toBe(1);
    const spirited = words({ title: '千と千尋の神隠し' });
    expect(spirited.size).toBe(7);
    expect(common(spirited, words({ title: '神隠し' }))).toBe(2);
    expect(words({ title: '東京' }).size).toBe(1);
  });

  it('are near for near years: in as many spans both, the nearer they are', () => {
    const year = (of: number): Set<number> => words({ title: `(${of})` });
    const shared = [0, 2, 4, 6, 8].map((apart) => common(year(1994), year(1994 + apart)));
    expect(shared).toEqual([5, 3, 2, 1, 0]);
    expect(words({ title: '12345' }).size).toBe(1);
    expect(words({ text: '1994' }).size).toBe(1);
  });

  it('are those of the title before those of the text, of which the longest and most frequent stay', () => {
    const short = Array.from({ length: 40 }, (_, i) => `a${i}`).join(' ');
    const said = { title: 'one two', text: `${short} considerable ${'often '.repeat(9)}` };
    const kept = words(said);
    expect(kept.size).toBe(MOST_OF_A_KIND);
    expect(common(kept, words({ title: 'one two considerable often' }))).toBe(4);
  });
});
