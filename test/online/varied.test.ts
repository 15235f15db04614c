import { describe, expect, it } from 'vitest';
import { contentDelta } from '../../src/online/content/delta.js';
import { contentSize } from '../../src/online/content/encoder.js';
import { simdMemory } from '../../src/online/kernels/memory.js';
import { Random } from '../../src/online/random.js';
import { Recommender } from '../../src/online/serving/recommender.js';
import { plainTower } from '../../src/online/tower/plain.js';
import { User } from '../../src/online/user.js';
import { fc } from '../support/properties.js';
import { coarseWorld, type World } from './serving-fixtures.js';

const tower = plainTower();

/** A world in which most items have one of a few main categories; some of these have most items. */
function categorised(seed: number, memory = false): World {
  const world = coarseWorld(seed, { memory: memory ? (simdMemory(8) ?? undefined) : undefined });
  const random = Random.of('categories', seed);
  const keys = Array.from({ length: world.model.items.size }, (_, row) => world.model.key(row));
  const drawn = keys.map(() => Math.floor(random.float() ** 2 * 6));
  world.model.apply(
    contentDelta({
      keys,
      values: new Int32Array(keys.length * contentSize(8)),
      categories: Int32Array.from(drawn),
    }),
  );
  return world;
}

describe('a varied list', () => {
  it('is the whole ranking without what its categories have enough of', () => {
    const cases = fc.tuple(
      fc.nat(),
      fc.constantFrom(1, 2, 5),
      fc.constantFrom(1, 6, 30, 400),
      fc.boolean(),
    );
    fc.assert(
      fc.property(cases, ([seed, most, n, memory]) => {
        const { model, users } = categorised(seed, memory);
        const plain = new Recommender(model, tower);
        const varied = new Recommender(model, tower, { mostOfCategory: most });
        const domain = 'domain-1';
        for (const user of [...users, new User('new')]) {
          const [ranking] = plain.recommend([{ user, domain, n: 10_000 }]);
          const taken = new Map<number, number>();
          const wanted = ranking!.items.filter(({ itemId }) => {
            const category = model.content.store.categoryOf(model.find(domain, itemId));
            const before = taken.get(category) ?? 0;
            taken.set(category, before + 1);
            return category === 0 || before < most;
          });
          const [list] = varied.recommend([{ user, domain, n }]);
          expect(list!.items.map(({ itemId }) => itemId)).toEqual(
            wanted.slice(0, n).map(({ itemId }) => itemId),
          );
        }
      }),
      { numRuns: 12 },
    );
  });

  it('is the plain list where no category is known, or none is asked for', () => {
    const { model, users } = coarseWorld(4);
    const requests = users.map((user) => ({ user, domain: 'domain-0', n: 9 }));
    const plain = new Recommender(model, tower).recommend(requests);
    expect(new Recommender(model, tower, { mostOfCategory: 1 }).recommend(requests)).toEqual(plain);
  });
});
