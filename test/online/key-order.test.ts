import { describe, expect, it } from 'vitest';
import { sortByKey } from '../../src/online/key-order.js';
import { Random } from '../../src/online/random.js';

function sorted(keys: readonly string[]): string[] {
  const names = [...new Set(keys.map((key) => key.slice(0, key.indexOf('/'))))];
  const steps = sortByKey(
    Int32Array.from(keys, (_, i) => i),
    {
      domainCount: names.length,
      domainName: (index) => names[index]!,
      domainOf: (row) => names.indexOf(keys[row]!.slice(0, keys[row]!.indexOf('/'))),
      key: (row) => keys[row]!,
    },
  );
  for (;;) {
    const step = steps.next();
    if (step.done === true) return Array.from(step.value, (row) => keys[row]!);
  }
}

const random = Random.of('key order', 5);
const letters = 'ab01-/~éβ界';
const word = (length: number): string =>
  Array.from({ length }, () => letters[random.below(letters.length)]).join('');

const CASES: readonly [string, () => string][] = [
  ['short ids in a few domains', () => `d${random.below(5)}/${word(random.below(5))}`],
  ['ids with long common beginnings', () => `books/item-0000-${random.below(1e6)}`],
  ['domains that begin alike', () => `a${'.-b'[random.below(3)]}b/${random.below(5000)}`],
  ['ids that differ beyond ASCII and late', () => `films/界界界界界界界界${word(3)}`],
  ['ids that are the beginning of others', () => `x/${'a'.repeat(random.below(300))}`],
];

describe('sortByKey', () => {
  for (const [what, make] of CASES) {
    it(`sorts as the keys themselves sort: ${what}`, () => {
      const keys = [...new Set(Array.from({ length: 6000 }, make))];
      expect(sorted(keys)).toEqual([...keys].sort());
    });
  }

  it('returns nothing for nothing', () => {
    expect(sorted([])).toEqual([]);
  });
});
