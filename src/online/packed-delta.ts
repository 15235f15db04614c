import { ByteReader } from './delta-bytes.js';
import { readDomains, readHead, readRest } from './delta-codec.js';
import { type SimdRecords, simdRecords } from './kernels/simd-records.js';
import type { Delta } from './types.js';

/** A delta whose items' changes still lie in its bytes. */
export interface PackedDelta extends Pick<Delta, 'events' | 'blocks' | 'neighbours' | 'content'> {
  /** (n) positive events of the items. */
  readonly counts: Int32Array;
  /** The items, well formed: what `TableMemory.addPacked` takes. */
  readonly items: Uint8Array;
  /** d, the size of their embeddings. */
  readonly dimension: number;
  /** Writes their rows, until the next delta is read; `rowOf` says those not met before. */
  rows(out: Int32Array, rowOf: (key: string) => number): void;
}

/** What is asked of a model about keys. */
export interface RowDirectory {
  readonly numbering: object;
  findDomain(name: string): number;
  domainOf(row: number): number;
}

/**
 * Reads the deltas of others into one model without making them: rows are found by the bytes of their keys,
 * values stay packed until they are added. A process that follows others spends most of its time on that.
 *
 *     const packed = reader.read(bytes); // null: `decodeDelta` has to
 */
export class PackedReader {
  private readonly model: RowDirectory;
  private readonly records: SimdRecords;
  /** For which the records know rows. */
  private numbering: object;

  private constructor(model: RowDirectory, records: SimdRecords) {
    this.model = model;
    this.records = records;
    this.numbering = model.numbering;
  }

  /** Null where there are no kernels. */
  static for(model: RowDirectory): PackedReader | null {
    const records = simdRecords();
    return records === null ? null : new PackedReader(model, records);
  }

  /**
   * Returns null where the bytes have something that is left to `decodeDelta`: keys that are not ASCII, or a
   * fault. Throws DeltaFormatError.
   */
  read(bytes: Uint8Array): PackedDelta | null {
    const { model, records } = this;
    if (this.numbering !== model.numbering) {
      records.forget();
      this.numbering = model.numbering;
    }
    const reader = new ByteReader(bytes, records);
    const { version, dimension, events } = readHead(reader);
    const domains = readDomains(reader);
    const indices = Int32Array.from(domains, (name) => model.findDomain(name));
    const n = reader.size(2);
    const keys = reader.read((_, at) => records.keys(at, n, indices));
    if (keys === null) return null;
    const found = keys.found.slice();
    const read = reader.read((_, at) => records.counts(at, n, dimension));
    if (read === null) return null;
    return {
      events,
      counts: read.counts,
      items: bytes.subarray(keys.end, read.end),
      dimension,
      ...readRest(reader, version, n),
      rows: (out, rowOf) => this.writeRows(found, domains, out, rowOf),
    };
  }

  private writeRows(
    found: Int32Array,
    domains: readonly string[],
    out: Int32Array,
    rowOf: (key: string) => number,
  ): void {
    const { records, model } = this;
    for (let i = 0; i < out.length; i++) {
      const known = found[i * 4]!;
      if (known >= 0) {
        out[i] = known;
        continue;
      }
      const address = found[i * 4 + 2]!;
      const length = found[i * 4 + 3]!;
      const row = rowOf(`${domains[found[i * 4 + 1]!]!}/${records.id(address, length)}`);
      records.keep(row, model.domainOf(row), address, length);
      out[i] = row;
    }
  }
}
