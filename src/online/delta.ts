import type { BlockDelta, Delta } from './types.js';
import { mergeNeighbours, neighbourFault } from './wide/pairs.js';

/** Largest change of one weight in a delta, in units: from -16 to 16. */
const MOST_UNITS = 1 << 25;

/** A delta that changes nothing. */
export function emptyDelta(): Delta {
  return {
    events: 0,
    items: {
      keys: [],
      counts: new Int32Array(0),
      values: new Int32Array(0),
      accumulators: new Float64Array(0),
    },
    blocks: [],
  };
}

/**
 * The sum of deltas: applying it is applying each of them, in whatever order. Items stand in order of
 * first touch. Used to coalesce the mini-batches of a transaction, which share many rows.
 */
export function mergeDeltas(deltas: readonly Delta[]): Delta {
  if (deltas.length === 1) return deltas[0]!;
  const rows = new Map<string, number>();
  let width = 0;
  let events = 0;
  for (const { events: more, items } of deltas) {
    events += more;
    if (items.keys.length > 0) width = items.values.length / items.keys.length;
    for (let i = 0; i < items.keys.length; i++) {
      if (items.counts[i]! > 0 && !rows.has(items.keys[i]!)) rows.set(items.keys[i]!, rows.size);
    }
  }
  for (const { items } of deltas) {
    for (const key of items.keys) if (!rows.has(key)) rows.set(key, rows.size);
  }
  const counts = new Int32Array(rows.size);
  const values = new Int32Array(rows.size * width);
  const accumulators = new Float64Array(rows.size * 2);
  for (const { items } of deltas) {
    if (items.keys.length > 0 && items.values.length !== items.keys.length * width) {
      throw new RangeError('Deltas of models of different dimensions do not add up');
    }
    for (let i = 0; i < items.keys.length; i++) {
      const row = rows.get(items.keys[i]!)!;
      counts[row]! += items.counts[i]!;
      const to = row * width;
      const from = i * width;
      for (let k = 0; k < width; k++) values[to + k]! += items.values[from + k]!;
      accumulators[row * 2]! += items.accumulators[i * 2]!;
      accumulators[row * 2 + 1]! += items.accumulators[i * 2 + 1]!;
    }
  }
  return {
    events,
    items: { keys: [...rows.keys()], counts, values, accumulators },
    blocks: mergeBlocks(deltas),
    ...mergeNeighbours(deltas, rows),
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
  return neighbourFault(delta);
}

function firstTooLarge(values: Int32Array): number {
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
