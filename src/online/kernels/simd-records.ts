import { SimdDecoding } from './simd-decoding.js';
import { type SimdModule, simdModule } from './simd-module.js';

/** Rows that the directory has room for, a power of two, and the bytes that each takes. */
const SLOTS = 1 << 15;
const SLOT_BYTES = 64;

/** The keys of a delta: by key its row (-1: not known here), its domain in the delta, address and length of its id. */
export interface FoundRows {
  /** (n, 4), good until something else is decoded. */
  readonly found: Int32Array;
  /** Where the keys end in the bytes. */
  readonly end: number;
}

/**
 * Decoding for one model: it finds rows by the bytes of their keys, in a directory of those that it was
 * told of. Where two want one place the later one has it, so that the directory does not grow. It is 2 MB of
 * which only what is used takes memory.
 */
export class SimdRecords extends SimdDecoding {
  constructor(module: SimdModule) {
    super(module, SLOTS * SLOT_BYTES);
    this.own.reach(this.start);
  }

  /** The n keys that begin at a byte; `domains` are the model's numbers (-1: none) of those of the delta. */
  keys(at: number, n: number, domains: Int32Array): FoundRows | null {
    const domainsAt = this.behind();
    const found = domainsAt + ((domains.length + 3) & ~3) * 4;
    this.own.reach(found + n * 16);
    const { kernels, start: slots, buffer } = this.own;
    new Int32Array(buffer, domainsAt, domains.length).set(domains);
    const { start, end } = this;
    const named = domains.length;
    const to = kernels.findRows(start + at, end, n, domainsAt, named, slots, SLOTS, found);
    if (to === 0) return null;
    return { found: new Int32Array(buffer, found, n * 4), end: to - start };
  }

  /** The id at an address: in ASCII, but where bytes were damaged before their checksum was made. */
  id(address: number, length: number): string {
    return Buffer.from(this.own.buffer, address, length).toString('utf8');
  }

  /** Keeps the row of a key whose id is at an address. */
  keep(row: number, domain: number, address: number, length: number): void {
    const { kernels, start: slots } = this.own;
    kernels.keepRow(row, domain, address, length, slots, SLOTS);
  }

  /** Forgets all rows. */
  forget(): void {
    new Uint8Array(this.own.buffer, this.own.start, SLOTS * SLOT_BYTES).fill(0);
  }

  /** The counts of n items that begin at a byte, and where those end. */
  counts(at: number, n: number, dimension: number): { counts: Int32Array; end: number } | null {
    const counts = this.behind();
    this.own.reach(counts + n * 4);
    const { start, end } = this;
    const to = this.own.kernels.readCounts(start + at, end, n, dimension, counts);
    return to === 0 ? null : { counts: this.words(counts, n), end: to - start };
  }
}

/** Decoding for one model, or null where there is no WebAssembly with SIMD. */
export function simdRecords(): SimdRecords | null {
  const module = simdModule();
  return module === null ? null : new SimdRecords(module);
}
