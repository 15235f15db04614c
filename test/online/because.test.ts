import { describe, expect, it } from 'vitest';
import { contentDelta } from '../../src/online/content/delta.js';
import { describeItems } from '../../src/online/content/describe.js';
import { ContentEncoder } from '../../src/online/content/encoder.js';
import { simdMemory } from '../../src/online/kernels/memory.js';
import { Model } from '../../src/online/model.js';
import { Recommender } from '../../src/online/serving/recommender.js';
import { plainTower } from '../../src/online/tower/plain.js';
import { User } from '../../src/online/user.js';
import { coarseWorld } from './serving-fixtures.js';

const tower = plainTower();
const ONE = 2 ** 20;

/** Items of d = 4 in two domains, each with its embedding. */
function modelOf(items: Readonly<Record<string, readonly number[]>>): Model {
  const model = new Model({ seed: 1, dimension: 4, initialScale: 0 });
  const keys = Object.keys(items);
  model.apply({
    events: keys.length,
    items: {
      keys,
      counts: Int32Array.from(keys, () => 1),
      values: Int32Array.from(Object.values(items).flatMap((v) => [...v, 0].map((x) => x * ONE))),
      accumulators: new Float64Array(keys.length * 2),
    },
    blocks: [],
  });
  return model;
}

function userOf(
  model: Model,
  touched: readonly (readonly [domain: string, id: string, w: number])[],
) {
  const user = new User('u');
  for (const [i, [domain, id, weight]] of touched.entries()) {
    user.push(model.intern(domain, id), model.domainIndex(domain), weight, i);
  }
  return user;
}

describe('because', () => {
  const items = {
    'books/space': [1, 0, 0, 0],
    'books/love': [0, 1, 0, 0],
    'books/war': [0, 0, 1, 0],
    'films/space': [1, 0, 0, 0],
    'films/love': [0, 1, 0, 0],
    'films/mixed': [1, 0.5, 0, 0],
    'films/other': [0, 0, 0, 1],
  };

  it('names the touched items whose embeddings are nearest, with their domains, the nearest first', () => {
    const model = modelOf(items);
    const user = userOf(model, [
      ['books', 'love', 1],
      ['books', 'space', 1],
      ['books', 'war', 1],
    ]);
    const recommender = new Recommender(model, tower, { because: 3 });
    const [list] = recommender.recommend([{ user, domain: 'films', n: 10 }]);
    const because = new Map(list!.items.map((item) => [item.itemId, item.because]));
    const [space, love] = ['space', 'love'].map((itemId) => ({ itemId, domain: 'books' }));
    expect(because.get('space')).toEqual([space]);
    expect(because.get('love')).toEqual([love]);
    expect(because.get('mixed')).toEqual([space, love]);
    expect(because.get('other')).toBeUndefined();
  });

  it('names the items beside which it was seen, the more often the sooner', () => {
    const model = modelOf(items);
    const row = (key: string) => model.find(...(key.split('/') as [string, string]));
    const see = (from: string, to: string, count: number) =>
      model.neighbours.add(row(from), row(to), model.domainOf(row(to)), count);
    see('books/war', 'films/other', 1);
    see('books/love', 'films/other', 3);
    const user = userOf(model, [
      ['books', 'love', 1],
      ['books', 'space', 1],
      ['books', 'war', 1],
    ]);
    const recommender = new Recommender(model, tower, { because: 3 });
    const [list] = recommender.recommend([{ user, domain: 'films', n: 10 }]);
    expect(list!.items.find(({ itemId }) => itemId === 'other')?.because).toEqual([
      { itemId: 'love', domain: 'books' },
      { itemId: 'war', domain: 'books' },
    ]);
  });

  it('names the items that the catalogue describes alike, the more the sooner', () => {
    const model = modelOf(items);
    const encoder = new ContentEncoder(1, 4);
    const said = (title: string, ...categories: string[]) =>
      encoder.encode({ title, categories, tags: [], text: null, vectors: {} });
    const described = describeItems(
      model,
      new Map([
        ['books/war', said('the siege', 'war')],
        ['books/love', said('the siege', 'romance')],
        ['films/other', said('the siege', 'war')],
        ['films/love', said('the kiss', 'romance')],
      ]),
    );
    // As if nothing were known of vectors: these have to stay as they are.
    model.apply(contentDelta({ ...described, values: new Int32Array(described.values.length) }));
    const user = userOf(model, [
      ['books', 'space', 1],
      ['books', 'love', 1],
      ['books', 'war', 1],
    ]);
    const recommender = new Recommender(model, tower, { because: 3 });
    const [list] = recommender.recommend([{ user, domain: 'films', n: 10 }]);
    expect(list!.items.find(({ itemId }) => itemId === 'other')?.because).toEqual([
      { itemId: 'war', domain: 'books' },
      { itemId: 'love', domain: 'books' },
    ]);
    const without = new Recommender(model, tower).recommend([{ user, domain: 'films', n: 10 }]);
    expect(list!.items.map(({ score }) => score)).toEqual(
      without[0]!.items.map(({ score }) => score),
    );
  });

  it('leaves out what was touched and not liked, and adds up what was touched twice', () => {
    const model = modelOf(items);
    const user = userOf(model, [
      ['books', 'love', 1],
      ['films', 'other', 1],
      ['books', 'love', 1],
      ['books', 'space', 0],
    ]);
    const recommender = new Recommender(model, tower, { because: 3 });
    const [list] = recommender.recommend([{ user, domain: 'films', n: 10 }]);
    expect(list!.items.find(({ itemId }) => itemId === 'mixed')?.because).toEqual([
      { itemId: 'love', domain: 'books' },
    ]);
  });

  it('changes neither items nor scores, is no longer than asked for, and is off by default', () => {
    const { model, users } = coarseWorld(3, { memory: simdMemory(8) ?? undefined });
    const requests = users.map((user) => ({ user, domain: 'domain-1', n: 10 }));
    const plain = new Recommender(model, tower).recommend(requests);
    const told = new Recommender(model, tower, { because: 2 }).recommend(requests);
    const stripped = told.map((list) => ({
      ...list,
      items: list.items.map(({ itemId, score }) => ({ itemId, score })),
    }));
    expect(stripped).toEqual(plain);
    const lengths = told.flatMap(({ items }) => items.map(({ because }) => because?.length ?? 0));
    expect(Math.max(...lengths)).toBe(2);
  });
});
