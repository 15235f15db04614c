import { contentSize } from '../../src/online/content/encoder.js';
import { CODES, PLACES } from '../../src/online/content/sparse.js';
import { Model } from '../../src/online/model.js';
import { Random } from '../../src/online/random.js';
import type { BlockDelta, Delta } from '../../src/online/types.js';
import { neighbourDelta, PairCollector } from '../../src/online/wide/pairs.js';

export const DIMENSION = 4;
export const OPTIONS = { seed: 7, dimension: DIMENSION, initialScale: 0.02 };

const BLOCKS = [
  'W/films',
  'W/books',
  'A/films/books',
  'gate/films/books',
  'R',
  'prior/books',
  'content/films',
];

/** A random delta over a small set of items, so that deltas overlap. */
export function randomDelta(random: Random, items = 12): Delta {
  const keys = new Set<string>();
  for (let n = random.below(6); n > 0; n--) {
    keys.add(`${random.below(2) === 0 ? 'films' : 'books'}/${random.below(items)}`);
  }
  const n = keys.size;
  const whole = (limit: number) => random.below(2 * limit + 1) - limit;
  const shapes = new Model(OPTIONS);
  const blocks: BlockDelta[] = [];
  for (const key of BLOCKS) {
    if (random.below(3) > 0) continue;
    const { rows, width } = shapes.blockShape(key);
    blocks.push({
      key,
      values: Int32Array.from({ length: rows * width }, () => whole(1 << 12)),
      accumulators: Float64Array.from({ length: rows }, () => random.below(1 << 30)),
    });
  }
  return {
    events: random.below(20),
    items: {
      keys: [...keys],
      counts: Int32Array.from({ length: n }, () => random.below(3)),
      values: Int32Array.from({ length: n * (DIMENSION + 1) }, () => whole(1 << 18)),
      accumulators: Float64Array.from({ length: n * 2 }, () => random.below(2 ** 32)),
    },
    blocks,
    ...randomNeighbours(random, n),
    ...randomContent(random, items),
  };
}

/** What became known of some items, of some that have no events among them; none in most deltas. */
function randomContent(random: Random, items: number): Pick<Delta, 'content'> {
  if (random.below(3) > 0) return {};
  const keys = new Set<string>();
  for (let n = 1 + random.below(4); n > 0; n--) {
    keys.add(`${random.below(2) === 0 ? 'films' : 'games'}/${random.below(items)}`);
  }
  const whole = (limit: number) => random.below(2 * limit + 1) - limit;
  // Some say nothing of features, as all did once.
  const featured = random.below(3) > 0;
  const code = () => (random.below(4) === 0 ? random.below(CODES) : 0);
  const features = Uint16Array.from({ length: featured ? keys.size * PLACES : 0 }, code);
  return {
    content: {
      ...(featured ? { features } : {}),
      keys: [...keys],
      values: Int32Array.from({ length: keys.size * contentSize(DIMENSION) }, () => whole(1 << 18)),
      categories: Int32Array.from({ length: keys.size }, () => whole(50)),
    },
  };
}

/** Pairs of the items of a delta; every third delta or so has none. */
function randomNeighbours(random: Random, items: number): Pick<Delta, 'neighbours'> {
  const both = new PairCollector();
  const oneWay = new PairCollector();
  if (items > 1) {
    for (let n = random.below(8); n > 0; n--) {
      const from = random.below(items);
      const to = (from + 1 + random.below(items - 1)) % items;
      const evicted = random.below(4) === 0;
      (evicted ? oneWay : both).add(from, to, evicted ? -1 - random.below(3) : 1);
    }
  }
  return neighbourDelta(both, oneWay, items);
}

export function randomDeltas(seed: number, n: number): Delta[] {
  const random = Random.of('deltas', seed);
  return Array.from({ length: n }, () => randomDelta(random));
}

/** Everything that can be told of a model from outside, row order included. */
export function portrait(model: Model): unknown {
  model.settle();
  const { items, dimension } = model;
  const domains = Array.from({ length: model.domainCount }, (_, i) => {
    const { rows, length } = model.rowsOf(i);
    return {
      name: model.domainName(i),
      events: model.eventsOf(i),
      rows: Array.from(rows.subarray(0, length), (row) => model.key(row)),
    };
  });
  return {
    digest: model.digest(),
    trainedEvents: model.trainedEvents,
    keys: Array.from({ length: items.size }, (_, row) => model.key(row)),
    domainsOf: Array.from({ length: items.size }, (_, row) => model.domainOf(row)),
    embeddings: Array.from(items.embeddings.subarray(0, items.size * dimension)),
    biases: Array.from(items.biases.subarray(0, items.size)),
    counts: Array.from(items.counts.subarray(0, items.size)),
    accumulators: Array.from(items.accumulators.subarray(0, items.size * 2)),
    domains,
    neighbours: neighboursOf(model),
    content: contentOf(model),
    blocks: model
      .blocks()
      .filter(([, block]) => !block.isInitial())
      .map(([key, block]) => [key, Array.from(block.values), Array.from(block.accumulators)]),
  };
}

/** What is known of items, by key. */
export function contentOf(model: Model): Record<string, readonly number[]> {
  const { store } = model.content;
  const found: [string, readonly number[]][] = [];
  for (let row = 0; row < model.items.size; row++) {
    if (store.isFree(row)) continue;
    const from = store.slotOf(row) * store.size;
    const values = store.values.subarray(from, from + store.size);
    const slot = store.slotOf(row);
    const features = store.features.subarray(slot * PLACES, (slot + 1) * PLACES);
    found.push([model.key(row), [store.categoryOf(row), ...values, ...features]]);
  }
  return Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** All counts of items seen together, by key. */
export function neighboursOf(model: Model): Record<string, number> {
  const found: [string, number][] = [];
  for (let row = 0; row < model.items.size; row++) {
    for (const list of model.neighbours.listsOf(row)) {
      const { rows, counts } = model.neighbours.entriesOf(list);
      for (const [i, other] of rows.entries()) {
        found.push([`${model.key(row)} ${model.key(other)}`, counts[i]!]);
      }
    }
  }
  return Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}
