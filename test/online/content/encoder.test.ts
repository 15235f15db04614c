import { describe, expect, it } from 'vitest';
import {
  ContentEncoder,
  contentSize,
  type ItemContent,
} from '../../../src/online/content/encoder.js';
import { MOST_CHARACTERS } from '../../../src/online/content/features.js';
import { fc } from '../../support/properties.js';

const D = 16;
const NOTHING: ItemContent = { title: null, categories: [], tags: [], text: null, vectors: {} };
const encoder = new ContentEncoder(1, D);

function of(content: Partial<ItemContent>): Int32Array {
  return encoder.encode({ ...NOTHING, ...content }).values;
}

/** Cosine of what two items are said to be. */
function alike(a: Partial<ItemContent>, b: Partial<ItemContent>): number {
  const [x, y] = [of(a), of(b)];
  return x.reduce((sum, value, k) => sum + (value / 2 ** 20) * (y[k]! / 2 ** 20), 0);
}

const content: fc.Arbitrary<ItemContent> = fc.record({
  title: fc.option(fc.string({ unit: 'binary', maxLength: 30 })),
  categories: fc.array(fc.string({ unit: 'binary', maxLength: 12 }), { maxLength: 4 }),
  tags: fc.array(fc.string({ maxLength: 12 }), { maxLength: 4 }),
  text: fc.option(fc.string({ unit: 'binary', maxLength: 60 })),
  vectors: fc.dictionary(
    fc.string({ maxLength: 5 }),
    fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 8 }),
    { maxKeys: 3 },
  ),
});

describe('what content comes to', () => {
  it('is of length 1 on the grid, or nothing, whatever is said', () => {
    fc.assert(
      fc.property(content, (said) => {
        const { values, category } = encoder.encode(said);
        expect(values).toHaveLength(contentSize(D));
        const length = Math.hypot(...values) / 2 ** 20;
        expect(length === 0 || Math.abs(length - 1) < 1e-4).toBe(true);
        expect(category).toBeGreaterThanOrEqual(0);
        expect(category).toBeLessThan(2 ** 30);
      }),
    );
  });

  it('depends on the content and the seed alone, not on what was encoded before', () => {
    fc.assert(
      fc.property(content, content, (before, said) => {
        const fresh = new ContentEncoder(1, D);
        fresh.encode(before);
        expect(fresh.encode(said)).toEqual(new ContentEncoder(1, D).encode(said));
      }),
      { numRuns: 30 },
    );
    const title = 'The Third Man';
    const other = new ContentEncoder(2, D).encode({ ...NOTHING, title }).values;
    expect(other).not.toEqual(of({ title }));
  });

  it('is nothing where nothing is said, or a vector has no direction', () => {
    const nothing = new Int32Array(contentSize(D));
    expect(of({})).toEqual(nothing);
    expect(of({ title: ' -- ', text: '', categories: [' '], vectors: { image: [0, 0] } })).toEqual(
      nothing,
    );
  });

  it('is alike for alike words in any script, upper case and width aside', () => {
    const pairs: [string, string, string][] = [
      ['Star Wars: Episode V', 'STAR WARS: Episode VI', 'Bread and Tulips'],
      ['Солярис', 'солярис (2002)', 'Иваново детство'],
      ['千と千尋の神隠し', '千と千尋の神隠し 完全版', '東京物語'],
      ['Ｍａｔｒｉｘ', 'matrix', 'amélie'],
    ];
    for (const [a, near, far] of pairs) {
      expect(alike({ title: a }, { title: near })).toBeGreaterThan(
        alike({ title: a }, { title: far }) + 0.2,
      );
    }
    expect(alike({ title: 'Ｍａｔｒｉｘ' }, { title: 'matrix' })).toBeCloseTo(1, 4);
  });

  it('is drawn by categories more than by words, and by given vectors as well', () => {
    const film = { title: 'Alien', categories: ['Horror', 'Sci-Fi'] };
    expect(alike(film, { title: 'The Thing', categories: ['Horror', 'Sci-Fi'] })).toBeGreaterThan(
      alike(film, { title: 'Alien', categories: ['Comedy'] }),
    );
    const vectors = { image: [1, 2, -3, 4] };
    expect(alike({ vectors }, { vectors: { image: [10, 20, -30, 41] } })).toBeGreaterThan(0.99);
    expect(Math.abs(alike({ vectors }, { vectors: { audio: [1, 2, -3, 4] } }))).toBeLessThan(0.7);
  });

  it('reads no more of a text than it says, and never half a character', () => {
    const text = 'word '.repeat(MOST_CHARACTERS / 5);
    const longer = `${text}${'another thing '.repeat(80_000)}`;
    expect(of({ text: longer })).toEqual(of({ text }));
    const odd = `${'x'.repeat(MOST_CHARACTERS - 1)}😀`;
    expect(of({ text: odd })).toEqual(of({ text: odd.slice(0, MOST_CHARACTERS - 1) }));
  });

  it('has the main category as a number, the same however it is written', () => {
    const number = (...categories: string[]) => encoder.encode({ ...NOTHING, categories }).category;
    expect(number()).toBe(0);
    expect(number('Drama', 'War')).toBe(number('ＤＲＡＭＡ '));
    expect(number('Drama')).not.toBe(number('War'));
  });
});
