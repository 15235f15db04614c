import { describe, expect, it } from 'vitest';
import { RowGradients } from '../../src/online/adagrad.js';
import { ExampleMaker, type Examples } from '../../src/online/examples.js';
import { Learner } from '../../src/online/learner.js';
import { sampledLoss } from '../../src/online/loss.js';
import { MiniBatch } from '../../src/online/minibatch.js';
import { Model } from '../../src/online/model.js';
import { Random } from '../../src/online/random.js';
import { PopularitySampler } from '../../src/online/sampler.js';
import { createTower } from '../../src/online/tower/backend.js';
import { priorKey } from '../../src/online/tower/keys.js';
import { plainTower } from '../../src/online/tower/plain.js';
import type { Delta } from '../../src/online/types.js';
import { isOverlapping } from '../../src/online/user-store.js';
import { ranked, type Touch, World } from '../online/learner-world.js';

/** Some users with likes in three domains; a tenth of the touches carry no weight. */
function touches(seed: number, n: number): Touch[] {
  const random = Random.of('touches', seed);
  return Array.from({ length: n }, () => ({
    user: `u${random.below(8)}`,
    domain: ['books', 'films', 'shops'][random.below(3)]!,
    item: `i${Math.floor(random.float() ** 2 * 15)}`,
    weight: random.float() < 0.1 ? 0 : 1 - 0.5 * random.below(2),
  }));
}

function batchOf(world: World, list: readonly Touch[]): MiniBatch {
  const batch = new MiniBatch(world.model);
  for (const touch of list) world.capture(batch, touch);
  return batch;
}

/** What a world would learn of touches. */
function learnBy(world: World, list: readonly Touch[]): Delta {
  return world.learner.learn(batchOf(world, list), ['t', 0, 9n], undefined, world.users).delta;
}

/** The same whatever the order of rows and blocks. */
function canonical(delta: Delta): unknown {
  const { keys, counts, values, accumulators } = delta.items;
  const width = values.length / Math.max(keys.length, 1);
  const rows = keys.map((key, i) => [
    key,
    counts[i],
    [...values.subarray(i * width, (i + 1) * width)],
    [...accumulators.subarray(i * 2, i * 2 + 2)],
  ]);
  const blocks = delta.blocks.map((block) => [
    block.key,
    [...block.values],
    [...block.accumulators],
  ]);
  const byKey = (a: unknown[], b: unknown[]): number => (String(a[0]) < String(b[0]) ? -1 : 1);
  return { events: delta.events, rows: rows.sort(byKey), blocks: blocks.sort(byKey) };
}

describe('learn', () => {
  it('mutates neither model nor users', () => {
    const world = new World().feed(touches(1, 200));
    const batch = batchOf(world, touches(2, 50));
    const digest = world.model.digest();
    const users = JSON.stringify([...world.users.values()].map((user) => user.histories));
    const { delta } = world.learner.learn(batch, ['t', 0, 1n]);
    expect(delta.blocks.length).toBeGreaterThan(0);
    expect(world.model.digest()).toBe(digest);
    expect(JSON.stringify([...world.users.values()].map((user) => user.histories))).toBe(users);
    world.model.apply(delta);
    expect(world.model.digest()).not.toBe(digest);
    world.model.revert(delta);
    expect(world.model.digest()).toBe(digest);
  });

  it('gives the same delta for the same batch and place, whatever was learned in between', () => {
    const world = new World().feed(touches(1, 200));
    const batch = batchOf(world, touches(2, 50));
    const first = world.learner.learn(batch, ['t', 0, 1n]).delta;
    const other = world.learner.learn(batch, ['t', 0, 2n]).delta;
    expect(canonical(other)).not.toEqual(canonical(first));
    expect(canonical(world.learner.learn(batch, ['t', 0, 1n]).delta)).toEqual(canonical(first));
    const fresh = new Learner(world.model, plainTower(), world.learner.options);
    expect(canonical(fresh.learn(batch, ['t', 0, 1n]).delta)).toEqual(canonical(first));
  });

  it('goes on bit for bit from a model whose rows and domains stand in another order', () => {
    const live = new World();
    const deltas: Delta[] = [];
    const { model } = live;
    const apply = model.apply.bind(model);
    model.apply = (delta) => {
      deltas.push(delta);
      apply(delta);
    };
    live.feed(touches(1, 300));

    const restored = new World();
    for (const delta of deltas.reverse()) restored.model.apply(delta);
    for (const user of live.users.values()) {
      const { id } = user;
      for (const history of user.histories) {
        const domain = model.domainName(history.domain);
        for (let i = 0; i < history.size; i++) {
          const row = restored.model.intern(domain, model.itemId(history.rows[i]!));
          const index = restored.model.domainOf(row);
          restored.user(id).push(row, index, history.weights[i]!, history.times[i]!);
        }
        const index = restored.model.findDomain(domain);
        restored.user(id).history(index)!.count = history.count;
      }
      if (isOverlapping(user)) restored.users.overlaps(restored.user(id));
    }
    expect(restored.model.digest()).toBe(model.digest());
    const next = touches(2, 60);
    const ours = learnBy(live, next);
    const theirs = learnBy(restored, next);
    expect(canonical(theirs)).toEqual(canonical(ours));
  });

  it('counts every accepted event, and popularity for positive ones alone', () => {
    const world = new World();
    const batch = batchOf(world, [
      { user: 'a', domain: 'books', item: 'x' },
      { user: 'a', domain: 'books', item: 'x', weight: 0.5 },
      { user: 'b', domain: 'books', item: 'y', weight: 0 },
    ]);
    const { delta, examples } = world.learner.learn(batch, [0]);
    expect(delta.events).toBe(3);
    expect(delta.items.keys).toEqual(['books/x']);
    expect([...delta.items.counts]).toEqual([2]);
    expect(examples).toBeGreaterThanOrEqual(2);
    world.model.apply(delta);
    expect(world.model.eventsOf(world.model.domainIndex('books'))).toBe(2);
  });

  it('learns nothing from an empty batch', () => {
    const world = new World().feed(touches(1, 50));
    const { delta, loss, examples } = world.learner.learn(new MiniBatch(world.model), [0]);
    expect({ loss, examples, events: delta.events, keys: delta.items.keys }).toEqual({
      loss: 0,
      examples: 0,
      events: 0,
      keys: [],
    });
    expect(delta.blocks).toEqual([]);
  });

  it('refuses a dimension that is not that of the model', () => {
    const model = new Model({ seed: 1, dimension: 4, initialScale: 0.02 });
    expect(() => new Learner(model, plainTower(), { dimension: 8 })).toThrow(RangeError);
  });

  it('lowers the loss on what it has learned', async () => {
    const { tower } = await createTower('wasm');
    const world = new World({ dimension: 16, miniBatch: 32 }, 1, tower);
    const random = Random.of('taste');
    const taste = (n: number): Touch[] =>
      Array.from({ length: n }, () => {
        const user = random.below(20);
        const item = (user % 4) * 10 + random.below(10);
        return { user: `u${user}`, domain: 'books', item: `i${item}` };
      });
    const loss = (list: Touch[]): number => world.learner.learn(batchOf(world, list), [0]).loss;
    world.feed(taste(80));
    const early = loss(taste(64));
    world.feed(taste(1200));
    expect(loss(taste(64))).toBeLessThan(0.85 * early);
  });

  it('ranks by popularity before anything but counts is learned', () => {
    const world = new World({ learningRate: 0, biasLearningRate: 0, denseLearningRate: 0 });
    const list: Touch[] = [];
    for (let item = 0; item < 6; item++) {
      for (let n = 0; n <= item; n++)
        list.push({ user: `u${n}`, domain: 'books', item: `i${item}` });
    }
    world.feed(list);
    expect(ranked(world.scores('u0', 'books'))).toEqual(['i5', 'i4', 'i3', 'i2', 'i1', 'i0']);
    expect(ranked(world.scores('stranger', 'books'))[0]).toBe('i5');
  });
});

describe('the sampled loss', () => {
  const options = { negatives: 5, sharing: 3 };

  function scene() {
    const world = new World().feed(touches(3, 200));
    const { model } = world;
    const d = model.dimension;
    const batch = batchOf(world, touches(4, 12));
    const keepAll = { ownDomainDropout: 0, singleSource: 0, historyDropout: 0, replay: 0 };
    const examples = new ExampleMaker(keepAll).make(batch, Random.of('examples'));
    const normal = Random.of('query');
    const query = Float32Array.from({ length: examples.count * d }, () => normal.normal());
    const gradients = new RowGradients(d);
    const run = () => {
      gradients.begin(model.items.size);
      const sampler = new PopularitySampler(model, 0.75, 0.1);
      return sampledLoss(model, examples, query, options, sampler, Random.of('n'), gradients);
    };
    return { model, d, examples, query, gradients, run };
  }

  /** Central differences by a step that float32 can take exactly. */
  function numeric(values: Float32Array, i: number, loss: () => number): number {
    const before = values[i]!;
    const step = 2 ** -8;
    values[i] = before + step;
    const above = loss();
    values[i] = before - step;
    const below = loss();
    values[i] = before;
    return (above - below) / (2 * step);
  }

  it('has the gradients of central differences for queries, embeddings, biases and priors', () => {
    const { model, d, examples, query, gradients, run } = scene();
    const { dQuery, dPrior } = run();
    const total = (): number => run().loss * examples.count;
    const rows = [...gradients.rows.subarray(0, gradients.length)];
    const values = gradients.values.slice(0, gradients.length * (d + 1));
    for (let i = 0; i < query.length; i += 7) {
      expect(dQuery[i]).toBeCloseTo(numeric(query, i, total), 3);
    }
    expect(rows.length).toBeGreaterThan(10);
    for (const [place, row] of rows.entries()) {
      const k = row % d;
      const embedding = numeric(model.items.embeddings, row * d + k, total);
      expect(values[place * (d + 1) + k]).toBeCloseTo(embedding, 3);
      const bias = numeric(model.items.biases, row, total);
      expect(values[place * (d + 1) + d]).toBeCloseTo(bias, 3);
    }
    expect(dPrior.size).toBe(3);
    for (const [target, gradient] of dPrior) {
      const prior = numeric(model.block(priorKey(model, target)), 0, total);
      expect(Math.abs(gradient - prior)).toBeLessThan(2e-3 * Math.max(1, Math.abs(prior)));
    }
  });

  it('of a batch is the sum over its examples: gradients add up', () => {
    const { model, d, examples, query, gradients } = scene();
    // One item a domain can be drawn, so all draws are alike and examples can be told apart.
    const sampler = {
      size: 3,
      turnTo: () => {},
      draw: () => 0,
      probability: () => 0.25,
    } as unknown as PopularitySampler;
    const gradientsOf = (some: Examples): Map<number, number[]> => {
      gradients.begin(model.items.size);
      const random = Random.of('n');
      sampledLoss(model, some, query, options, sampler, random, gradients);
      const map = new Map<number, number[]>();
      for (let i = 0; i < gradients.length; i++) {
        const from = i * (d + 1);
        map.set(gradients.rows[i]!, [...gradients.values.subarray(from, from + d + 1)]);
      }
      return map;
    };
    const whole = gradientsOf(examples);
    const sum = new Map<number, number[]>();
    for (let e = 0; e < examples.count; e++) {
      const weights = examples.weights.map((weight, i) => (i === e ? weight : 0));
      for (const [row, values] of gradientsOf({ ...examples, weights })) {
        const before = sum.get(row) ?? new Array<number>(d + 1).fill(0);
        sum.set(
          row,
          before.map((value, k) => value + values[k]!),
        );
      }
    }
    expect([...sum.keys()].sort()).toEqual([...whole.keys()].sort());
    for (const [row, values] of whole) {
      for (const [k, value] of values.entries()) expect(sum.get(row)![k]).toBeCloseTo(value, 4);
    }
  });
});

describe('examples', () => {
  const base = { ownDomainDropout: 0, singleSource: 0, historyDropout: 0, replay: 0 };
  const history: Touch[] = [
    { user: 'a', domain: 'books', item: 'x' },
    { user: 'a', domain: 'books', item: 'y' },
    { user: 'a', domain: 'films', item: 'z' },
    { user: 'a', domain: 'books', item: 'disliked', weight: 0 },
  ];

  function examplesOf(options: Partial<typeof base>, seed = 1) {
    const world = new World();
    batchOf(world, history);
    const batch = batchOf(world, [{ user: 'a', domain: 'books', item: 'x' }]);
    const made = new ExampleMaker({ ...base, ...options }).make(batch, Random.of(seed));
    const domains = [...made.histories.sources].map((index) => world.model.domainName(index));
    const items = [...made.histories.rows].map((row) => world.model.itemId(row));
    return { made, domains, items };
  }

  it('leave the target itself and what carries no weight out of the history', () => {
    const { domains, items } = examplesOf({});
    expect(domains).toEqual(['books', 'films']);
    expect(items).toEqual(['y', 'z']);
  });

  it('show an event a second time with its own domain hidden, as to a user who is new there', () => {
    const { made, domains, items } = examplesOf({ ownDomainDropout: 1 });
    expect(made.count).toBe(2);
    expect(domains).toEqual(['books', 'films', 'films']);
    expect(items).toEqual(['y', 'z', 'z']);
    expect([...made.slotExample]).toEqual([0, 0, 1]);
  });

  it('hide the own domain of replayed positives likewise', () => {
    for (let seed = 0; seed < 10; seed++) {
      const { made } = examplesOf({ replay: 1, ownDomainDropout: 1 }, seed);
      expect(made.count).toBe(3);
      for (const [slot, example] of made.slotExample.entries()) {
        if (example === 2) expect(made.histories.sources[slot]).not.toBe(made.targets[2]);
      }
    }
  });

  it('see one domain alone when single sources are asked for', () => {
    for (let seed = 0; seed < 10; seed++) {
      expect(examplesOf({ singleSource: 1 }, seed).domains).toHaveLength(1);
    }
  });

  it('have no slots when all of the history is dropped', () => {
    const { made } = examplesOf({ historyDropout: 1 });
    expect(made.count).toBe(1);
    expect(made.histories.slots).toBe(0);
  });

  it('are as many as events and domains make them: thousands of slots', () => {
    const world = new World();
    const domains = Array.from({ length: 40 }, (_, i) => `d${i}`);
    batchOf(
      world,
      domains.map((domain) => ({ user: 'a', domain, item: 'before' })),
    );
    const live = Array.from({ length: 60 }, () => ({ user: 'a', domain: 'd0', item: 'x' }));
    const made = new ExampleMaker({ ...base, replay: 1 }).make(
      batchOf(world, live),
      Random.of('many'),
    );
    const { slots, offsets, rows } = made.histories;
    expect(made.count).toBe(120);
    // Of the replayed example the history of its target's domain may be empty.
    expect(slots).toBeGreaterThan(120 * 39 - 1);
    expect(offsets).toHaveLength(slots + 1);
    for (let slot = 0; slot < slots; slot++) {
      expect(offsets[slot + 1]).toBeGreaterThan(offsets[slot]!);
    }
    expect(offsets[slots]).toBe(rows.length);
  });

  it("replay earlier positives of the user's own, with the event itself in the history", () => {
    let replayedZ = 0;
    for (let seed = 0; seed < 20; seed++) {
      const { made, items } = examplesOf({ replay: 1 }, seed);
      expect(made.count).toBe(2);
      if (items.slice(2).join() === 'x,y,x') replayedZ++;
    }
    expect(replayedZ).toBeGreaterThan(0);
  });
});

describe('the sampler', () => {
  it('draws by counts to the power, whatever the order of the rows', () => {
    const world = new World({ learningRate: 0 });
    const list: Touch[] = [];
    for (const [item, count] of [
      ['b', 16],
      ['a', 1],
      ['c', 81],
    ] as const) {
      for (let n = 0; n < count; n++) list.push({ user: 'u', domain: 'books', item });
    }
    world.feed(list);
    const sampler = new PopularitySampler(world.model, 0.75, 0);
    sampler.turnTo(world.model.domainIndex('books'));
    expect(sampler.size).toBe(3);
    const random = Random.of('draws');
    const drawn = new Map<string, number>();
    for (let i = 0; i < 9000; i++) {
      const item = world.model.itemId(sampler.draw(random));
      drawn.set(item, (drawn.get(item) ?? 0) + 1);
    }
    // 1, 8 and 27 of 36.
    expect(sampler.probability(16)).toBeCloseTo(8 / 36, 12);
    expect(drawn.get('a')! / 9000).toBeCloseTo(1 / 36, 1);
    expect(drawn.get('b')! / 9000).toBeCloseTo(8 / 36, 1);
    expect(drawn.get('c')! / 9000).toBeCloseTo(27 / 36, 1);
  });

  it('forgets rows that a revert has taken away', () => {
    const world = new World();
    world.feed([{ user: 'u', domain: 'books', item: 'a' }]);
    const sampler = new PopularitySampler(world.model, 0.75, 0);
    const domain = world.model.domainIndex('books');
    const foreign = (key: string): Delta => ({
      events: 1,
      items: {
        keys: [key],
        counts: Int32Array.of(1),
        values: new Int32Array(9),
        accumulators: new Float64Array(2),
      },
      blocks: [],
    });
    world.model.apply(foreign('books/z'));
    sampler.turnTo(domain);
    expect(sampler.size).toBe(2);
    world.model.revert(foreign('books/z'));
    world.model.apply(foreign('books/0'));
    sampler.turnTo(domain);
    const random = Random.of('draws');
    const items = Array.from({ length: 50 }, () => world.model.itemId(sampler.draw(random)));
    expect([...new Set(items)].sort()).toEqual(['0', 'a']);
  });
});
