import type { Model } from '../../src/online/model.js';
import { Model as OnlineModel } from '../../src/online/model.js';
import { Random } from '../../src/online/random.js';
import type { TableMemory } from '../../src/online/table.js';
import { User } from '../../src/online/user.js';

export interface World {
  readonly model: Model;
  readonly users: User[];
}

/**
 * A model of small whole numbers of eighths, so that every way of summing a dot product is exact and
 * ties are common; users with histories in some of the domains.
 */
export function coarseWorld(
  seed: number,
  {
    items = 300,
    dimension = 8,
    users = 12,
    domains = 3,
    memory = undefined as TableMemory | undefined,
  } = {},
): World {
  const random = Random.of('world', seed);
  const model = new OnlineModel({ seed, dimension, initialScale: 0 }, memory);
  const names = Array.from({ length: domains }, (_, i) => `domain-${i}`);
  const keys = Array.from({ length: items }, (_, i) => `${names[i % domains]}/${i >> 1}`);
  const eighthsOf =
    (drawn: Random) =>
    (limit: number): number =>
      (drawn.below(2 * limit + 1) - limit) << 17;
  const eighths = eighthsOf(random);
  const fitted = eighthsOf(Random.of('fitted', seed));
  model.apply({
    events: items,
    items: {
      keys,
      // One in eight is vacant: touched by a gradient, without an event.
      counts: Int32Array.from(keys, () => random.below(8)),
      values: Int32Array.from({ length: items * (dimension + 1) }, () => eighths(3)),
      accumulators: new Float64Array(items * 2),
    },
    blocks: names.slice(1).flatMap((name) => [
      {
        key: `A/${names[0]}/${name}`,
        values: Int32Array.from({ length: dimension * dimension }, () => eighths(1)),
        accumulators: new Float64Array(dimension),
      },
      {
        key: `fit/${names[0]}/${name}`,
        values: Int32Array.from({ length: (dimension + 1) * dimension }, () => fitted(1)),
        accumulators: new Float64Array(dimension + 1),
      },
    ]),
  });
  seeTogether(model, keys, random);
  const made = Array.from({ length: users }, (_, u) => {
    const user = new User(`user-${u}`);
    for (let n = random.below(12); n > 0; n--) {
      const key = keys[random.below(items)]!;
      const [domain, id] = key.split('/') as [string, string];
      const weight = random.below(4) === 0 ? 0 : 1;
      user.push(model.intern(domain, id), model.domainIndex(domain), weight, n);
    }
    return user;
  });
  return { model, users: made };
}

/** Counts that items were seen together, of several sizes, some below 0. */
function seeTogether(model: Model, keys: readonly string[], random: Random): void {
  const rowOf = (key: string): number => {
    const slash = key.indexOf('/');
    return model.find(key.slice(0, slash), key.slice(slash + 1));
  };
  const rows = keys.map(rowOf);
  for (const row of rows) {
    for (let n = random.below(9); n > 0; n--) {
      const other = rows[random.below(rows.length)]!;
      if (other === row) continue;
      const count = random.below(6) - 1;
      model.neighbours.add(row, other, model.domainOf(other), count);
      model.neighbours.add(other, row, model.domainOf(row), count);
    }
  }
}
