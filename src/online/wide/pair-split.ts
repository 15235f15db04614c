import type { Delta, PairColumns } from '../types.js';
import { MOST_BYTES_OF_A_PAIR } from './pair-codec.js';
import { neighbourDelta, PairCollector } from './pairs.js';

/** At most what the neighbours of a delta take, beside the keys. */
export function neighbourBytes({ neighbours }: Delta): number {
  if (neighbours === undefined) return 0;
  const pairs = neighbours.both.from.length + neighbours.oneWay.from.length;
  return 2 * MOST_BYTES_OF_A_PAIR + pairs * MOST_BYTES_OF_A_PAIR;
}

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
  const width = items.keys.length === 0 ? 0 : items.values.length / items.keys.length;
  const parts: Delta[] = [];
  let part = new Part(items.keys, width);
  const addAll = ({ from, to, counts }: PairColumns, oneWay: boolean): void => {
    for (let i = 0; i < from.length; i++) {
      let bytes = part.bytesWith(from[i]!, to[i]!, keyBytes);
      if (bytes > roomBytes && !part.isEmpty) {
        parts.push(part.delta());
        part = new Part(items.keys, width);
        bytes = part.bytesWith(from[i]!, to[i]!, keyBytes);
      }
      if (bytes > roomBytes) {
        throw new RangeError(
          `The neighbours ${items.keys[from[i]!]} and ${items.keys[to[i]!]} take ${bytes} bytes of a delta; ${roomBytes} are allowed`,
        );
      }
      part.add(from[i]!, to[i]!, counts[i]!, oneWay, bytes);
    }
  };
  addAll(neighbours.both, false);
  addAll(neighbours.oneWay, true);
  parts.push(part.delta());
  return parts;
}

class Part {
  private readonly all: readonly string[];
  private readonly width: number;
  private readonly places = new Map<number, number>();
  private readonly both = new PairCollector();
  private readonly oneWay = new PairCollector();
  private bytes = 2 * MOST_BYTES_OF_A_PAIR;

  constructor(all: readonly string[], width: number) {
    this.all = all;
    this.width = width;
  }

  get isEmpty(): boolean {
    return this.places.size === 0;
  }

  bytesWith(from: number, to: number, keyBytes: (key: string) => number): number {
    let bytes = this.bytes + MOST_BYTES_OF_A_PAIR;
    if (!this.places.has(from)) bytes += keyBytes(this.all[from]!);
    if (!this.places.has(to)) bytes += keyBytes(this.all[to]!);
    return bytes;
  }

  add(from: number, to: number, count: number, oneWay: boolean, bytes: number): void {
    (oneWay ? this.oneWay : this.both).add(this.place(from), this.place(to), count);
    this.bytes = bytes;
  }

  delta(): Delta {
    const n = this.places.size;
    return {
      events: 0,
      items: {
        keys: Array.from(this.places.keys(), (place) => this.all[place]!),
        counts: new Int32Array(n),
        values: new Int32Array(n * this.width),
        accumulators: new Float64Array(n * 2),
      },
      blocks: [],
      ...neighbourDelta(this.both, this.oneWay, n),
    };
  }

  private place(theirs: number): number {
    let place = this.places.get(theirs);
    if (place === undefined) {
      place = this.places.size;
      this.places.set(theirs, place);
    }
    return place;
  }
}
