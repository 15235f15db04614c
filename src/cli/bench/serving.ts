import { contentDelta } from '../../online/content/delta.js';
import { describeItems } from '../../online/content/describe.js';
import { ContentEncoder, type ItemContent } from '../../online/content/encoder.js';
import type { Model } from '../../online/model.js';
import { Random } from '../../online/random.js';
import { Recommender } from '../../online/serving/recommender.js';
import { createTower } from '../../online/tower/backend.js';
import type { Delta, NeighbourDelta, Recommendation } from '../../online/types.js';
import { User } from '../../online/user.js';
import type { BenchContext } from './benches.js';
import type { Report } from './figures.js';
import { DIMENSION, emptyModel } from './learning.js';
import { quantile, takeTurns } from './measure.js';
import { Zipf } from './world.js';

const SIZES = [1_000, 10_000, 100_000];
const DOMAIN = 'films';
const LIST = 10;
/** As many as the service puts together. */
const BLOCK = 64;
const SINGLE_REQUESTS = 400;
/** Standard deviation of an embedding's values: that of embeddings after some epochs of MovieLens. */
const SPREAD = 0.15;
const WEIGHT_UNITS = 2 ** 20;

interface Catalogue {
  /** Behind the size in the names of its figures. */
  readonly name: string;
  /** By Zipf's law, most items cannot reach the list and are skipped; where all are alike, few can be. */
  readonly popularity: 'zipf' | 'flat';
  /** Items that each was seen together with, at both sides. */
  readonly neighbours?: number;
  /** Whether each item has a title, two categories and a text of thirty words. */
  readonly described?: boolean;
}

const CATALOGUES: readonly Catalogue[] = [
  { name: '', popularity: 'zipf' },
  { name: '.flat', popularity: 'flat' },
  { name: '.wide', popularity: 'zipf', neighbours: 32 },
  { name: '.content', popularity: 'zipf', neighbours: 32, described: true },
];

/** Different words of all texts; categories. */
const WORDS = 20_000;
const CATEGORIES = 40;
const WORDS_OF_A_TITLE = 4;
const WORDS_OF_A_TEXT = 30;

/** Top-10 lists for single users and in blocks, against scoring all items and sorting them. */
export async function benchServing({ report, signal }: BenchContext): Promise<void> {
  const { tower } = await createTower('auto');
  for (const size of SIZES) {
    signal.throwIfAborted();
    for (const kind of CATALOGUES) {
      const model = catalogue(size, kind);
      const recommender = new Recommender(model, tower);
      const users = Array.from({ length: 4 * BLOCK }, (_, i) => reader(model, i, size));
      const lists = (some: readonly User[]): Recommendation[] =>
        recommender.recommend(some.map((user) => ({ user, domain: DOMAIN, n: LIST })));
      measure(report, `serving.${size / 1000}k${kind.name}`, model, users, lists);
    }
  }
}

function measure(
  report: Report,
  name: string,
  model: Model,
  users: readonly User[],
  lists: (users: readonly User[]) => Recommendation[],
): void {
  const naive = new NaiveScorer(model);
  const queries = Array.from({ length: users.length }, (_, i) => naive.query(i));
  let turn = 0;
  const seconds = takeTurns(
    [
      {
        name: 'block',
        run: () => {
          const from = (turn++ % 4) * BLOCK;
          return lists(users.slice(from, from + BLOCK)).length;
        },
      },
      {
        name: 'naive',
        run: () => {
          naive.list(queries[turn++ % queries.length]!);
          return 1;
        },
      },
    ],
    { rounds: 5, leastMs: 300 },
  );
  const block = seconds.get('block')!;
  const against = 'scoring all and sorting';
  report({
    name: `${name}.block`,
    value: 1e6 * block,
    unit: 'µs/list',
    ratio: block / seconds.get('naive')!,
    against,
  });
  report({ name: `${name}.block.item`, value: (1e9 * block) / model.items.size, unit: 'ns/item' });
  const single: number[] = [];
  for (let i = 0; i < SINGLE_REQUESTS; i++) {
    const begin = performance.now();
    lists([users[i % users.length]!]);
    // The first ones warm the caches of the model's revision up.
    if (i >= SINGLE_REQUESTS / 10) single.push(performance.now() - begin);
  }
  report({ name: `${name}.single.p50`, value: quantile(single, 0.5), unit: 'ms' });
  report({ name: `${name}.single.p99`, value: quantile(single, 0.99), unit: 'ms' });
}

/** A model of so many items with events, as if it had been learned. */
function catalogue(
  size: number,
  { popularity, neighbours = 0, described = false }: Catalogue,
): Model {
  const model = emptyModel();
  const random = Random.of('bench', 'catalogue', size);
  const width = DIMENSION + 1;
  const items: Delta['items'] = {
    keys: Array.from({ length: size }, (_, i) => `${DOMAIN}/item-${i}`),
    counts: Int32Array.from({ length: size }, (_, i) =>
      popularity === 'flat' ? 10 : 1 + Math.floor(size / (i + 1)),
    ),
    values: new Int32Array(size * width),
    accumulators: new Float64Array(size * 2),
  };
  for (let i = 0; i < items.values.length; i++) {
    items.values[i] = Math.round(random.normal() * SPREAD * WEIGHT_UNITS);
  }
  const seen = neighbours > 0 ? { neighbours: together(size, neighbours) } : {};
  model.apply({ events: size, items, blocks: [], ...seen });
  if (described) describe(model, size);
  return model;
}

/** Each item was seen together with so many that come next at both sides, the nearer the more often. */
function together(size: number, neighbours: number): NeighbourDelta {
  const each = neighbours / 2;
  const pairs = size * each;
  const none = { from: new Int32Array(0), to: new Int32Array(0), counts: new Int32Array(0) };
  const both = {
    from: Int32Array.from({ length: pairs }, (_, i) => Math.floor(i / each)),
    to: Int32Array.from(
      { length: pairs },
      (_, i) => (Math.floor(i / each) + 1 + (i % each)) % size,
    ),
    counts: Int32Array.from({ length: pairs }, (_, i) => each - (i % each)),
  };
  return { both, oneWay: none };
}

/** Says something of each item: words by Zipf's law, categories alike. */
function describe(model: Model, size: number): void {
  const random = Random.of('bench', 'content', size);
  const zipf = new Zipf(WORDS);
  const words = (n: number): string =>
    Array.from({ length: n }, () => `word${zipf.draw(random)}`).join(' ');
  const content = (): ItemContent => ({
    title: words(WORDS_OF_A_TITLE),
    categories: Array.from({ length: 2 }, () => `category ${random.below(CATEGORIES)}`),
    tags: [],
    text: words(WORDS_OF_A_TEXT),
    vectors: {},
  });
  const encoder = new ContentEncoder(model.options.seed, model.dimension);
  const encoded = new Map(
    Array.from({ length: size }, (_, i) => [`${DOMAIN}/item-${i}`, encoder.encode(content())]),
  );
  model.apply(contentDelta(describeItems(model, encoded)));
}

/** A user with a history of 20. */
function reader(model: Model, index: number, size: number): User {
  const random = Random.of('bench', 'reader', index);
  const user = new User(`user-${index}`);
  for (let i = 0; i < 20; i++) {
    const row = model.find(DOMAIN, `item-${random.below(size)}`);
    user.push(row, model.domainOf(row), 1, i);
  }
  return user;
}

/** What one writes first: a score for each item, all of them sorted, the first ten. */
class NaiveScorer {
  readonly #embeddings: Float32Array[];
  readonly #priors: Float64Array;

  constructor(model: Model) {
    const { rows, length } = model.rowsOf(model.findDomain(DOMAIN));
    const { embeddings, biases, counts } = model.items;
    this.#embeddings = Array.from(rows.subarray(0, length), (row) =>
      embeddings.slice(row * DIMENSION, (row + 1) * DIMENSION),
    );
    this.#priors = Float64Array.from(
      rows.subarray(0, length),
      (row) => biases[row]! + Math.log1p(counts[row]!),
    );
  }

  query(index: number): Float32Array {
    const random = Random.of('bench', 'query', index);
    return Float32Array.from({ length: DIMENSION }, () => random.normal() * SPREAD);
  }

  list(query: Float32Array): { item: number; score: number }[] {
    return this.#embeddings
      .map((embedding, item) => {
        let score = this.#priors[item]!;
        for (let k = 0; k < DIMENSION; k++) score += embedding[k]! * query[k]!;
        return { item, score };
      })
      .sort((a, b) => b.score - a.score)
      .slice(0, LIST);
  }
}
