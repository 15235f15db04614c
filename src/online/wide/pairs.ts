import type { Delta, NeighbourDelta, PairColumns } from '../types.js';

/** Collects pairs of places; `columns` has each pair once. */
export class PairCollector {
  private from = new Int32Array(256);
  private to = new Int32Array(256);
  private counts = new Int32Array(256);
  private length = 0;

  add(from: number, to: number, count: number): void {
    if (this.length === this.from.length) this.grow();
    this.from[this.length] = from;
    this.to[this.length] = to;
    this.counts[this.length++] = count;
  }

  /** Adds all of some columns; `places` are the ones here of theirs. */
  addAll({ from, to, counts }: PairColumns, places: Int32Array): void {
    const n = from.length;
    while (this.length + n > this.from.length) this.grow();
    const { length } = this;
    for (let i = 0; i < n; i++) {
      this.from[length + i] = places[from[i]!]!;
      this.to[length + i] = places[to[i]!]!;
    }
    this.counts.set(counts, length);
    this.length += n;
  }

  /** The sums by pair, those of one `from` beside each other, those that come to 0 left out. */
  columns(places: number): PairColumns {
    const starts = new Int32Array(places + 1);
    for (let i = 0; i < this.length; i++) starts[this.from[i]! + 1]!++;
    for (let place = 0; place < places; place++) starts[place + 1]! += starts[place]!;
    const order = new Int32Array(this.length);
    const next = starts.slice();
    for (let i = 0; i < this.length; i++) order[next[this.from[i]!]!++] = i;
    const from = new Int32Array(this.length);
    const to = new Int32Array(this.length);
    const counts = new Int32Array(this.length);
    // By place: 1 + where its sum with the `from` at hand is.
    const seen = new Int32Array(places);
    let n = 0;
    for (let place = 0; place < places; place++) {
      const first = n;
      for (let k = starts[place]!; k < starts[place + 1]!; k++) {
        const i = order[k]!;
        const other = this.to[i]!;
        if (seen[other]! > first) {
          counts[seen[other]! - 1]! += this.counts[i]!;
          continue;
        }
        from[n] = place;
        to[n] = other;
        counts[n] = this.counts[i]!;
        seen[other] = ++n;
      }
      n = withoutZeros(from, to, counts, first, n);
      for (let k = starts[place]!; k < starts[place + 1]!; k++) seen[this.to[order[k]!]!] = 0;
    }
    return { from: from.slice(0, n), to: to.slice(0, n), counts: counts.slice(0, n) };
  }

  private grow(): void {
    const twice = (old: Int32Array): Int32Array<ArrayBuffer> => {
      const next = new Int32Array(old.length * 2);
      next.set(old);
      return next;
    };
    this.from = twice(this.from);
    this.to = twice(this.to);
    this.counts = twice(this.counts);
  }
}

/** Moves the entries from .. to - 1 together that are not 0; returns where they end. */
function withoutZeros(
  froms: Int32Array,
  tos: Int32Array,
  counts: Int32Array,
  from: number,
  to: number,
): number {
  let n = from;
  for (let i = from; i < to; i++) {
    if (counts[i] === 0) continue;
    froms[n] = froms[i]!;
    tos[n] = tos[i]!;
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
      const named = from[i]! >= 0 && from[i]! < n && to[i]! >= 0 && to[i]! < n;
      if (!named || from[i] === to[i]) return `neighbours: ${from[i]} and ${to[i]} of ${n} items`;
    }
  }
  return null;
}
