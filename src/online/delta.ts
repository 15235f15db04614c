import { contentFault, mergeContent } from './content/delta.js';
import { MOST_UNITS } from './empty-delta.js';
import { type SimdSums, simdSums } from './kernels/simd-sums.js';
import type { BlockDelta, Delta } from './types.js';
import { mergeNeighbours, neighbourFault } from './wide/pairs.js';

/**
 * The sum of deltas: applying it is applying each of them, in whatever order. Items stand in order of
 * first touch. Used to coalesce the mini-batches of a transaction, which share many rows.
 */
export function mergeDeltas(deltas: readonly Delta[]): Delta {
  if (deltas.length === 1) return deltas[0]!;
  const { places, size } = placesIn(deltas);
  let width = 0;
  let events = 0;
  for (const { events: more, items } of deltas) {
    events += more;
    if (items.keys.length > 0) width = items.values.length / items.keys.length;
  }
  const columns = deltas.map(({ items }, d) => {
    if (items.keys.length > 0 && items.values.length !== items.keys.length * width) {
      throw new RangeError('Deltas of models of different dimensions do not add up');
    }
    return { values: items.values, places: places[d]! };
  });
  const values = (simdSums() ?? plainSums).sum(columns, size, width);
  const keys = new Array<string>(size);
  const counts = new Int32Array(size);
  const accumulators = new Float64Array(size * 2);
  for (const [d, { items }] of deltas.entries()) {
    const to = places[d]!;
    for (let i = 0; i < to.length; i++) {
      const row = to[i]!;
      keys[row] = items.keys[i]!;
      counts[row]! += items.counts[i]!;
      accumulators[row * 2]! += items.accumulators[i * 2]!;
      accumulators[row * 2 + 1]! += items.accumulators[i * 2 + 1]!;
    }
  }
  return {
    events,
    items: { keys, counts, values, accumulators },
    blocks: mergeBlocks(deltas),
    ...mergeNeighbours(deltas, places, size),
    ...mergeContent(deltas),
  };
}

/** As SimdSums, in loops. */
export const plainSums: Pick<SimdSums, 'sum' | 'magnitudes'> = {
  sum(columns, size, width) {
    const sums = new Int32Array(size * width);
    for (const { values, places } of columns) {
      for (let i = 0; i < places.length; i++) {
        const at = places[i]! * width;
        for (let k = 0; k < width; k++) sums[at + k]! += values[i * width + k]!;
      }
    }
    return sums;
  },

  magnitudes(values) {
    let all = 0;
    for (let i = 0; i < values.length; i++) all |= values[i]! ^ (values[i]! >> 31);
    return all;
  },
};

/**
 * Where each item of each delta stands in the sum: those with events first, in order of first touch.
 * Told by the numbers of rows where all deltas have them, which saves hashing keys.
 */
function placesIn(deltas: readonly Delta[]): { places: Int32Array[]; size: number } {
  const places = deltas.map(({ items }) => new Int32Array(items.keys.length));
  const next = numbering(deltas);
  for (const { items } of deltas) {
    for (let i = 0; i < items.keys.length; i++) if (items.counts[i]! > 0) next.place(items, i);
  }
  for (const [d, { items }] of deltas.entries()) {
    const own = places[d]!;
    for (let i = 0; i < own.length; i++) own[i] = next.place(items, i);
  }
  return { places, size: next.size() };
}

interface Numbering {
  /** The place of a delta's item i, the next one if it has none. */
  place(items: Delta['items'], i: number): number;
  size(): number;
}

function numbering(deltas: readonly Delta[]): Numbering {
  let highest = -1;
  for (const { items } of deltas) {
    const { rows } = items;
    if (rows === undefined || rows.numbering !== deltas[0]!.items.rows!.numbering) return byKey();
    const { numbers } = rows;
    for (let i = 0; i < numbers.length; i++) if (numbers[i]! > highest) highest = numbers[i]!;
  }
  // By row: 1 + place.
  const taken = new Int32Array(highest + 1);
  let size = 0;
  return {
    place: ({ rows }, i) => {
      const row = rows!.numbers[i]!;
      if (taken[row] === 0) taken[row] = ++size;
      return taken[row]! - 1;
    },
    size: () => size,
  };
}

function byKey(): Numbering {
  const taken = new Map<string, number>();
  return {
    place: ({ keys }, i) => {
      let place = taken.get(keys[i]!);
      if (place === undefined) {
        place = taken.size;
        taken.set(keys[i]!, place);
      }
      return place;
    },
    size: () => taken.size,
  };
}

function mergeBlocks(deltas: readonly Delta[]): BlockDelta[] {
  const merged = new Map<string, BlockDelta>();
  for (const { blocks } of deltas) {
    for (const { key, values, accumulators } of blocks) {
      const sum = merged.get(key);
      if (sum === undefined) {
        merged.set(key, { key, values: values.slice(), accumulators: accumulators.slice() });
        continue;
      }
      for (let i = 0; i < values.length; i++) sum.values[i]! += values[i]!;
      for (let i = 0; i < accumulators.length; i++) sum.accumulators[i]! += accumulators[i]!;
    }
  }
  return [...merged.values()];
}

/**
 * What is wrong with a delta, or null if it may go to the log: accumulators are finite and whole,
 * weights within what two clamped values can be apart. A NaN in a gradient shows in the accumulator
 * (an Int32Array makes it 0), so this is the check before each send.
 */
export function deltaFault(delta: Delta): string | null {
  const { keys, values, accumulators } = delta.items;
  const width = keys.length === 0 ? 1 : values.length / keys.length;
  const item = firstTooLarge(values);
  if (item >= 0)
    return `item ${keys[Math.floor(item / width)]}: a weight changes by ${values[item]}`;
  const row = firstNotWhole(accumulators);
  if (row >= 0) return `item ${keys[row >> 1]}: accumulator ${accumulators[row]}`;
  for (const block of delta.blocks) {
    const large = firstTooLarge(block.values);
    if (large >= 0) return `block ${block.key}: a weight changes by ${block.values[large]}`;
    const bad = firstNotWhole(block.accumulators);
    if (bad >= 0) return `block ${block.key}: accumulator ${block.accumulators[bad]}`;
  }
  if (!Number.isSafeInteger(delta.events)) return `events: ${delta.events}`;
  return neighbourFault(delta) ?? contentFault(delta);
}

function firstTooLarge(values: Int32Array): number {
  // Usually none is: bits above the limit's show in all together.
  if ((simdSums() ?? plainSums).magnitudes(values) < MOST_UNITS) return -1;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value > MOST_UNITS || value < -MOST_UNITS) return i;
  }
  return -1;
}

function firstNotWhole(values: Float64Array): number {
  for (let i = 0; i < values.length; i++) if (!Number.isSafeInteger(values[i]!)) return i;
  return -1;
}

/** The items `from .. to - 1` of a delta as a delta, with these events and blocks. */
export function sliceDelta(
  delta: Delta,
  from: number,
  to: number,
  events: number,
  blocks: readonly BlockDelta[],
): Delta {
  const { keys, counts, values, accumulators } = delta.items;
  const width = keys.length === 0 ? 0 : values.length / keys.length;
  return {
    events,
    items: {
      keys: keys.slice(from, to),
      counts: counts.subarray(from, to),
      values: values.subarray(from * width, to * width),
      accumulators: accumulators.subarray(from * 2, to * 2),
    },
    blocks,
  };
}
