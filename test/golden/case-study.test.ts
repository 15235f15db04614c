import { describe, expect, it } from 'vitest';
import { ranked, type Touch, World } from '../online/learner-world.js';

/** The article's case study: browsing and buying are two domains of the same three goods. */
const STUDY = [
  { user: 'user 1', browsed: ['A', 'B'], bought: 'A', unseen: 'C' },
  { user: 'user 2', browsed: ['B', 'C'], bought: 'B', unseen: 'A' },
  { user: 'user 3', browsed: ['A', 'C'], bought: 'C', unseen: 'B' },
];

function* round(): Generator<Touch> {
  for (const { user, browsed, bought } of STUDY) {
    for (const item of browsed) yield { user, domain: 'browse', item };
    yield { user, domain: 'buy', item: bought };
  }
}

function* rounds(n: number): Generator<Touch> {
  for (let i = 0; i < n; i++) yield* round();
}

describe("the article's case study", () => {
  for (const seed of [1, 2, 3]) {
    const world = new World({ miniBatch: 9 }, seed).feed(rounds(300));
    for (const { user, browsed, bought, unseen } of STUDY) {
      it(`recommends ${unseen}, the one not touched in either domain, to ${user} (seed ${seed})`, () => {
        const touched = new Set([...browsed, bought]);
        for (const domain of ['browse', 'buy']) {
          const left = ranked(world.scores(user, domain)).filter((item) => !touched.has(item));
          expect(left[0]).toBe(unseen);
        }
      });

      it(`ranks what ${user} bought above what was browsed and not bought (seed ${seed})`, () => {
        const scores = world.scores(user, 'buy');
        const other = browsed.find((item) => item !== bought)!;
        expect(scores.get(bought)!).toBeGreaterThan(scores.get(other)!);
      });
    }

    it(`tells the buys of a new user from the browsing alone (seed ${seed})`, () => {
      for (const [index, { browsed, bought }] of STUDY.entries()) {
        const fresh = `fresh ${index}`;
        world.feed(browsed.map((item) => ({ user: fresh, domain: 'browse', item })));
        expect(ranked(world.scores(fresh, 'buy'))[0]).toBe(bought);
      }
    });
  }
});
