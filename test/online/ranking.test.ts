import { describe, expect, it } from 'vitest';
import { Ranking } from '../../src/online/serving/ranking.js';
import { TopN } from '../../src/online/serving/top-n.js';
import { fc } from '../support/properties.js';

const scored = fc.uniqueArray(
  fc.record({ place: fc.nat({ max: 60 }), score: fc.nat({ max: 9 }) }),
  {
    selector: ({ place }) => place,
    maxLength: 60,
  },
);

/** The n best: the larger score, of equal ones the lower place. */
function best(all: readonly { place: number; score: number }[], n: number) {
  return all.toSorted((a, b) => b.score - a.score || a.place - b.place).slice(0, n);
}

describe('a ranking', () => {
  const ranking = new Ranking();

  it('has the n best of what comes in any order, each with what belongs to it', () => {
    fc.assert(
      fc.property(scored, fc.nat({ max: 40 }), (all, n) => {
        ranking.reset(n);
        for (const { place, score } of all) ranking.insert(place, score, place / 2);
        const { length, places, scores, perMass } = ranking;
        const kept = Array.from({ length }, (_, i) => ({ place: places[i], score: scores[i] }));
        expect(kept).toEqual(best(all, n));
        for (let i = 0; i < length; i++) expect(perMass[i]).toBe(places[i]! / 2);
        expect(ranking.isFull).toBe(all.length >= n);
        for (const { place } of all) {
          expect(ranking.has(place)).toBe(kept.some((one) => one.place === place));
        }
      }),
    );
  });

  it('says what has to be reached: anything at first, then the score of the last', () => {
    ranking.reset(2);
    ranking.insert(3, 5, 0);
    expect(ranking.bar).toBe(Number.NEGATIVE_INFINITY);
    ranking.insert(4, 7, 0);
    expect(ranking.bar).toBe(5);
    ranking.insert(5, 6, 0);
    expect(ranking.bar).toBe(6);
  });
});

describe('the n best of a stream', () => {
  it('are those above a floor alone, where there is one', () => {
    fc.assert(
      fc.property(scored, fc.nat({ max: 20 }), fc.nat({ max: 9 }), (all, n, floor) => {
        const top = new TopN(0);
        top.reset(n, floor);
        for (const { place, score } of all.toSorted((a, b) => a.place - b.place)) {
          top.push(place, score);
        }
        const above = all.filter(({ score }) => score > floor);
        const wanted = best(above, n).map(({ place, score }) => ({ index: place, score }));
        expect(top.drain()).toEqual(wanted);
      }),
    );
  });
});
