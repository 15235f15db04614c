import { grown } from '../columns.js';
import type { Delta, NeighbourDelta, PairColumns } from '../types.js';

/** The indices of places, each below `size`, in order of the places; those of one place as they came. */
export function inOrder(places: Int32Array, size: number): Int32Array {
  const next = new Int32Array(size + 1);
  for (let i = 0; i < places.length; i++) next[places[i]! + 1]!++;
  for (let place = 0; place < size; place++) next[place + 1]! += next[place]!;
  const order = new Int32Array(places.length);
  for (let i = 0; i < places.length; i++) order[next[places[i]!]!++] = i;
  return order;
}

/** Collects pairs of places, best in runs of one `from`; `columns` has each pair once. */
export class PairCollector {
  private to = new Int32Array(256);
  private counts = new Int32Array(256);
  private length = 0;
  /** `from` of each run, and where it begins. */
  private froms = new Int32Array(64);
  private starts = new Int32Array(64);
  private runs = 0;
  /** Room for `columns`, kept from call to call. */
  private sums = { from: new Int32Array(0), to: new Int32Array(0), counts: new Int32Array(0) };
  /** By place: 1 + where its sum with the `from` at hand is; zeros between calls. */
  private seen = new Int32Array(0);

  add(from: number, to: number, count: number): void {
    const { length } = this;
    if (length === this.to.length) {
      this.to = grown(this.to, length + 1);
      this.counts = grown(this.counts, length + 1);
    }
    if (this.runs === 0 || this.froms[this.runs - 1] !== from) this.begin(from);
    this.to[length] = to;
    this.counts[length] = count;
    this.length = length + 1;
  }

  /** Forgets what it holds. */
  clear(): void {
    this.length = 0;
    this.runs = 0;
  }

  /** Adds all of some columns; `places` are the ones here of theirs. */
  addAll({ from, to, counts }: PairColumns, places: Int32Array): void {
    for (let i = 0; i < from.length; i++) this.add(places[from[i]!]!, places[to[i]!]!, counts[i]!);
  }

  /** The sums by pair, those of one `from` beside each other, those that come to 0 left out. */
  columns(places: number): PairColumns {
    const { froms, starts, runs, length } = this;
    this.reserve(length, places);
    const { seen } = this;
    const { from, to, counts } = this.sums;
    let n = 0;
    let first = 0;
    let last = -1;
    let gone = false;
    const order = inOrder(froms.subarray(0, runs), places);
    for (let r = 0; r < runs; r++) {
      const run = order[r]!;
      const place = froms[run]!;
      if (place !== last) {
        if (gone) n = withoutZeros(from, to, counts, seen, first, n);
        first = n;
        last = place;
        gone = false;
      }
      const end = run + 1 < runs ? starts[run + 1]! : length;
      for (let i = starts[run]!; i < end; i++) {
        const other = this.to[i]!;
        const at = seen[other]! - 1;
        if (at >= first) {
          const sum = counts[at]! + this.counts[i]!;
          counts[at] = sum;
          if (sum === 0) gone = true;
          continue;
        }
        const count = this.counts[i]!;
        from[n] = place;
        to[n] = other;
        counts[n] = count;
        seen[other] = ++n;
        if (count === 0) gone = true;
      }
    }
    if (gone) n = withoutZeros(from, to, counts, seen, first, n);
    for (let i = 0; i < n; i++) seen[to[i]!] = 0;
    return { from: from.slice(0, n), to: to.slice(0, n), counts: counts.slice(0, n) };
  }

  private reserve(length: number, places: number): void {
    if (this.seen.length < places) this.seen = new Int32Array(places * 2);
    if (this.sums.to.length >= length) return;
    const column = () => new Int32Array(length * 2);
    this.sums = { from: column(), to: column(), counts: column() };
  }

  private begin(from: number): void {
    if (this.runs === this.froms.length) {
      this.froms = grown(this.froms, this.runs + 1);
      this.starts = grown(this.starts, this.runs + 1);
    }
    this.froms[this.runs] = from;
    this.starts[this.runs++] = this.length;
  }
}

/**
 * Moves the entries first .. end - 1 together that are not 0, and forgets where they were seen; returns
 * where they end.
 */
function withoutZeros(
  from: Int32Array,
  to: Int32Array,
  counts: Int32Array,
  seen: Int32Array,
  first: number,
  end: number,
): number {
  let n = first;
  for (let i = first; i < end; i++) {
    seen[to[i]!] = 0;
    if (counts[i] === 0) continue;
    from[n] = from[i]!;
    to[n] = to[i]!;
    counts[n++] = counts[i]!;
  }
  return n;
}

/** What two collectors hold as a part of a delta of so many items; none if it is empty. */
export function neighbourDelta(
  both: PairCollector,
  oneWay: PairCollector,
  items: number,
): { neighbours?: NeighbourDelta } {
  const neighbours = { both: both.columns(items), oneWay: oneWay.columns(items) };
  const pairs = neighbours.both.from.length + neighbours.oneWay.from.length;
  return pairs === 0 ? {} : { neighbours };
}

/** The sum of the neighbours of deltas; `places` says for each where its items stand in the sum. */
export function mergeNeighbours(
  deltas: readonly Delta[],
  places: readonly Int32Array[],
  size: number,
): { neighbours?: NeighbourDelta } {
  if (deltas.every(({ neighbours }) => neighbours === undefined)) return {};
  const both = new PairCollector();
  const oneWay = new PairCollector();
  for (const [d, { neighbours }] of deltas.entries()) {
    if (neighbours === undefined) continue;
    const own = places[d]!;
    both.addAll(neighbours.both, own);
    oneWay.addAll(neighbours.oneWay, own);
  }
  return neighbourDelta(both, oneWay, size);
}

/** What is wrong with a delta's neighbours, or null. */
export function neighbourFault({ items, neighbours }: Delta): string | null {
  if (neighbours === undefined) return null;
  const n = items.keys.length;
  for (const { from, to, counts } of [neighbours.both, neighbours.oneWay]) {
    if (to.length !== from.length || counts.length !== from.length) {
      return `neighbours: ${from.length}, ${to.length} and ${counts.length} in a column`;
    }
    for (let i = 0; i < from.length; i++) {
      const one = from[i]!;
      const other = to[i]!;
      // As unsigned numbers, those below 0 are too large.
      if (one >>> 0 < n && other >>> 0 < n && one !== other) continue;
      return `neighbours: ${one} and ${other} of ${n} items`;
    }
  }
  return null;
}
