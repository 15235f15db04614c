import type { Delta, NeighbourDelta, PairColumns } from '../types.js';
import { MOST_BYTES_OF_A_RUN, pairBytes } from './pair-codec.js';

/**
 * Deltas that add the neighbours of a delta and nothing else, each of at most `roomBytes` with the
 * keys that it names: the items stand in it with zeros.
 *
 * @param keyBytes at most what an item without values takes.
 */
export function splitNeighbours(
  delta: Delta,
  roomBytes: number,
  keyBytes: (key: string) => number,
): Delta[] {
  const { items, neighbours } = delta;
  if (neighbours === undefined) return [];
  const parts: Delta[] = [];
  let part = new Part(delta, neighbours, keyBytes);
  for (const column of ['both', 'oneWay'] as const) {
    const { from, to } = neighbours[column];
    for (let i = 0; i < from.length; i++) {
      if (part.take(column, i, roomBytes)) continue;
      if (!part.isEmpty) {
        parts.push(part.delta());
        part = new Part(delta, neighbours, keyBytes);
        if (part.take(column, i, roomBytes)) continue;
      }
      throw new RangeError(
        `The neighbours ${items.keys[from[i]!]} and ${items.keys[to[i]!]} take more than the ${roomBytes} bytes of a delta that are allowed`,
      );
    }
  }
  parts.push(part.delta());
  return parts;
}

/** A run of pairs of each column, with places of their own. */
class Part {
  private readonly whole: Delta;
  private readonly neighbours: NeighbourDelta;
  private readonly keyBytes: (key: string) => number;
  /** Places in the whole that are named here, in order of that. */
  private readonly named: number[] = [];
  /** By place in the whole: 1 + place here, or 0. */
  private readonly places: Int32Array;
  private readonly taken = {
    both: { from: 0, to: 0 },
    oneWay: { from: 0, to: 0 },
  };
  private bytes = 2 * MOST_BYTES_OF_A_RUN;

  constructor(whole: Delta, neighbours: NeighbourDelta, keyBytes: (key: string) => number) {
    this.whole = whole;
    this.neighbours = neighbours;
    this.keyBytes = keyBytes;
    this.places = new Int32Array(whole.items.keys.length);
  }

  get isEmpty(): boolean {
    return this.named.length === 0;
  }

  /** Takes a pair, the next one of its column, unless that would be too much. */
  take(column: 'both' | 'oneWay', i: number, roomBytes: number): boolean {
    const { from, to, counts } = this.neighbours[column];
    const run = this.taken[column];
    const begins = run.to === run.from || from[i] !== from[i - 1];
    // Places here are given in order, so no pair names a larger one than what comes next.
    let bytes =
      this.bytes +
      pairBytes(this.named.length + 2, counts[i]!) +
      (begins ? MOST_BYTES_OF_A_RUN : 0);
    for (const place of [from[i]!, to[i]!]) {
      if (this.places[place] === 0) bytes += this.keyBytes(this.whole.items.keys[place]!);
    }
    if (bytes > roomBytes) return false;
    this.bytes = bytes;
    this.name(from[i]!);
    this.name(to[i]!);
    if (run.to === run.from) run.from = i;
    run.to = i + 1;
    return true;
  }

  delta(): Delta {
    const { keys, values } = this.whole.items;
    const n = this.named.length;
    const width = keys.length === 0 ? 0 : values.length / keys.length;
    return {
      events: 0,
      items: {
        keys: this.named.map((place) => keys[place]!),
        counts: new Int32Array(n),
        values: new Int32Array(n * width),
        accumulators: new Float64Array(n * 2),
      },
      blocks: [],
      ...(n === 0
        ? {}
        : { neighbours: { both: this.columns('both'), oneWay: this.columns('oneWay') } }),
    };
  }

  private columns(column: 'both' | 'oneWay'): PairColumns {
    const { from, to, counts } = this.neighbours[column];
    const run = this.taken[column];
    const here = (places: Int32Array): Int32Array =>
      places.slice(run.from, run.to).map((place) => this.places[place]! - 1);
    return { from: here(from), to: here(to), counts: counts.slice(run.from, run.to) };
  }

  private name(place: number): void {
    if (this.places[place] === 0) this.places[place] = this.named.push(place);
  }
}
