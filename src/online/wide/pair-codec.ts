import { type ByteReader, type ByteWriter, DeltaFormatError, varintBytes } from '../delta-bytes.js';
import type { NeighbourDelta, PairColumns } from '../types.js';

/**
 * The bytes of a delta's neighbours: the columns that go both ways, then those that go one way. Of
 * each: the number of runs (pairs of one `from` beside each other); by run the step from the last
 * run's `from` (zigzag), the number of pairs, and by pair 2 · to, or 2 · to + 1 and the count (zigzag)
 * where it is not 1. All varints: two or three bytes a pair.
 */
export function writeNeighbours(writer: ByteWriter, neighbours: NeighbourDelta): void {
  writeColumns(writer, neighbours.both);
  writeColumns(writer, neighbours.oneWay);
}

/** Throws DeltaFormatError. `items` is how many the delta has. */
export function readNeighbours(reader: ByteReader, items: number): NeighbourDelta {
  return { both: readColumns(reader, items), oneWay: readColumns(reader, items) };
}

/** What the neighbours take. */
export function neighbourBytes({ both, oneWay }: NeighbourDelta): number {
  return columnBytes(both) + columnBytes(oneWay);
}

/** What a pair takes, beside its run's own bytes. */
export function pairBytes(to: number, count: number): number {
  return varintBytes(to * 2 + 1) + (count === 1 ? 0 : varintBytes(Math.abs(count) * 2));
}

/** At most what that is. */
export const MOST_BYTES_OF_A_PAIR = 10;

/** At most what the head of a run takes, or of all columns. */
export const MOST_BYTES_OF_A_RUN = 12;

function columnBytes({ from, to, counts }: PairColumns): number {
  let bytes = 0;
  let runs = 0;
  let last = 0;
  for (let i = 0; i < from.length; ) {
    const start = i;
    for (; i < from.length && from[i] === from[start]; i++) bytes += pairBytes(to[i]!, counts[i]!);
    bytes += varintBytes(Math.abs(from[start]! - last) * 2) + varintBytes(i - start);
    last = from[start]!;
    runs++;
  }
  return bytes + varintBytes(runs);
}

function writeColumns(writer: ByteWriter, { from, to, counts }: PairColumns): void {
  let runs = 0;
  for (let i = 0; i < from.length; i++) if (i === 0 || from[i] !== from[i - 1]) runs++;
  writer.varint(runs);
  let last = 0;
  for (let i = 0; i < from.length; ) {
    let end = i + 1;
    while (end < from.length && from[end] === from[i]) end++;
    writer.signed(from[i]! - last);
    writer.varint(end - i);
    last = from[i]!;
    for (; i < end; i++) {
      const plain = counts[i] === 1;
      writer.varint(to[i]! * 2 + (plain ? 0 : 1));
      if (!plain) writer.signed(counts[i]!);
    }
  }
}

function readColumns(reader: ByteReader, items: number): PairColumns {
  const read = reader.read((kernels, at) => kernels.pairs(at, items));
  if (read !== null) return { from: read.from, to: read.to, counts: read.counts };
  const from: number[] = [];
  const to: number[] = [];
  const counts: number[] = [];
  let last = 0;
  for (let run = reader.size(3); run > 0; run--) {
    last += reader.signed();
    for (let pair = reader.size(1); pair > 0; pair--) {
      const coded = reader.varint();
      from.push(last);
      to.push(Math.floor(coded / 2));
      counts.push(coded % 2 === 0 ? 1 : reader.signed());
    }
  }
  const named = (place: number): boolean => place >= 0 && place < items;
  if (!from.every(named) || !to.every(named)) {
    throw new DeltaFormatError('A delta speaks of neighbours that it does not name');
  }
  return { from: Int32Array.from(from), to: Int32Array.from(to), counts: Int32Array.from(counts) };
}
