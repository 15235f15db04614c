import type { RowChanges, TableColumns, TableMemory } from '../table.js';
import {
  growTo,
  type Memory,
  PAGE_BYTES,
  type SimdExports,
  type SimdModule,
  simdModule,
} from './simd-module.js';
import { SimdWords } from './simd-words.js';

/** Below the columns: what is handed to a kernel beside them. */
export const SCRATCH_BYTES = 1 << 20;

/**
 * Columns of one item table in the memory of the SIMD kernels, so that nothing is copied to score
 * it. Layout: the compiler's own and scratch (1 MB together), accumulators, embeddings, biases, counts.
 * When the table grows, the memory grows in place and the columns move up within it.
 */
export class SimdMemory implements TableMemory {
  readonly kernels: SimdExports;
  /** Bytes from here to SCRATCH_BYTES are free for one call at a time. */
  readonly scratchStart: number;
  /** Byte address of the embeddings. */
  embeddings = 0;
  /** Views into the scratch, which a growth voids: read them afresh for each call. */
  buffer: ArrayBuffer;
  ints: Int32Array;
  floats: Float32Array;
  /** Address of as many zero words as the table has room for rows; 0: none are known to be zero. */
  zeros = 0;
  private readonly module: SimdModule;
  private readonly memory: Memory;
  private capacity = 0;
  private dimension = 0;

  constructor(module: SimdModule) {
    this.module = module;
    const { memory, kernels } = module.instantiate(SCRATCH_BYTES / PAGE_BYTES);
    this.memory = memory;
    this.kernels = kernels;
    this.buffer = memory.buffer;
    this.ints = new Int32Array(this.buffer, 0, SCRATCH_BYTES / 4);
    this.floats = new Float32Array(this.buffer, 0, SCRATCH_BYTES / 4);
    this.scratchStart = (kernels.ownEnd() + 15) & ~15;
  }

  /** Rows that the columns have room for. */
  get rows(): number {
    return this.capacity;
  }

  /** The first address behind the columns: free from there on, until the table grows. */
  get free(): number {
    return (layout(this.capacity, this.dimension).end + 15) & ~15;
  }

  /**
   * Sees to it that there is memory up to an address. Where it had to grow, views made before are void:
   * then the columns come back anew, else null.
   */
  reach(end: number): TableColumns | null {
    return this.grow(end) ? this.columns() : null;
  }

  lists(): SimdWords {
    return new SimdWords(this.module);
  }

  resize(capacity: number, dimension: number): TableColumns {
    if (this.capacity > 0 && (dimension !== this.dimension || capacity <= this.capacity)) {
      throw new RangeError('A kernel memory holds the table of one model: give each its own');
    }
    const before = layout(this.capacity, dimension);
    const after = layout(capacity, dimension);
    this.grow(after.end);
    const bytes = new Uint8Array(this.buffer);
    // From the last to the first, since each moves up into the place of the next.
    this.move(bytes, before.counts, after.counts, this.capacity * 4, capacity * 4);
    this.move(bytes, before.biases, after.biases, this.capacity * 4, capacity * 4);
    const width = dimension * 4;
    this.move(bytes, before.embeddings, after.embeddings, this.capacity * width, capacity * width);
    this.move(bytes, before.accumulators, after.accumulators, this.capacity * 16, capacity * 16);
    this.capacity = capacity;
    this.dimension = dimension;
    this.embeddings = after.embeddings;
    return this.columns();
  }

  /** In runs of as many rows as the scratch holds. */
  add(rows: Int32Array, changes: RowChanges, sign: 1 | -1, norms: Float32Array): void {
    const { buffer } = this;
    const width = this.dimension + 1;
    const most = Math.floor((SCRATCH_BYTES - this.scratchStart - 64) / (width * 4 + 24));
    const places = layout(this.capacity, this.dimension);
    const added = this.scratchStart;
    const values = added + most * 16;
    const rowsAt = values + most * width * 4;
    const normsAt = rowsAt + most * 4;
    for (let from = 0; from < rows.length; from += most) {
      const n = Math.min(most, rows.length - from);
      const own = new Int32Array(buffer, rowsAt, n);
      own.set(rows.subarray(from, from + n));
      new Int32Array(buffer, values, n * width).set(
        changes.values.subarray(from * width, (from + n) * width),
      );
      new Float64Array(buffer, added, n * 2).set(
        changes.accumulators.subarray(from * 2, (from + n) * 2),
      );
      this.kernels.addRows(
        n,
        rowsAt,
        places.embeddings,
        places.biases,
        places.accumulators,
        this.dimension * 4,
        values,
        added,
        normsAt,
        sign,
      );
      const made = new Float32Array(buffer, normsAt, n);
      for (let i = 0; i < n; i++) norms[own[i]!] = made[i]!;
    }
  }

  /** In runs of as many items as the scratch holds at most. */
  addPacked(rows: Int32Array, items: Uint8Array, norms: Float32Array): void {
    const { buffer, kernels, dimension } = this;
    const width = dimension * 4;
    const most = Math.floor(
      (SCRATCH_BYTES - this.scratchStart - width - 64) / (mostBytesOf(dimension) + 8),
    );
    const places = layout(this.capacity, dimension);
    const values = this.scratchStart;
    const rowsAt = values + width + 16;
    const normsAt = rowsAt + most * 4;
    const bytesAt = normsAt + most * 4;
    const bytes = new Uint8Array(buffer, bytesAt, most * mostBytesOf(dimension));
    let at = 0;
    for (let from = 0; from < rows.length; from += most) {
      const n = Math.min(most, rows.length - from);
      const own = new Int32Array(buffer, rowsAt, n);
      own.set(rows.subarray(from, from + n));
      bytes.set(items.subarray(at, at + bytes.length));
      const end = kernels.addItems(
        n,
        rowsAt,
        places.embeddings,
        places.biases,
        places.accumulators,
        width,
        bytesAt,
        bytesAt + bytes.length,
        values,
        normsAt,
      );
      at += end - bytesAt;
      const made = new Float32Array(buffer, normsAt, n);
      for (let i = 0; i < n; i++) norms[own[i]!] = made[i]!;
    }
  }

  /** Makes it reach up to an address. Returns whether it had to grow. */
  private grow(end: number): boolean {
    if (!growTo(this.memory, end)) return false;
    this.buffer = this.memory.buffer;
    this.ints = new Int32Array(this.buffer, 0, SCRATCH_BYTES / 4);
    this.floats = new Float32Array(this.buffer, 0, SCRATCH_BYTES / 4);
    return true;
  }

  private columns(): TableColumns {
    const { capacity, dimension, buffer } = this;
    const places = layout(capacity, dimension);
    return {
      accumulators: new Float64Array(buffer, places.accumulators, capacity * 2),
      embeddings: new Float32Array(buffer, places.embeddings, capacity * dimension),
      biases: new Float32Array(buffer, places.biases, capacity),
      counts: new Int32Array(buffer, places.counts, capacity),
    };
  }

  private move(bytes: Uint8Array, from: number, to: number, used: number, size: number): void {
    bytes.copyWithin(to, from, from + used);
    bytes.fill(0, to + used, to + size);
  }
}

/** At most what an item takes in the bytes of a delta: four varints, a width, and values of so many bits. */
function mostBytesOf(dimension: number): number {
  return 4 * 8 + 1 + dimension * 4;
}

function layout(capacity: number, dimension: number) {
  const accumulators = SCRATCH_BYTES;
  const embeddings = accumulators + capacity * 16;
  const biases = embeddings + capacity * dimension * 4;
  const counts = biases + capacity * 4;
  return { accumulators, embeddings, biases, counts, end: counts + capacity * 4 };
}

/**
 * A memory for the item table of one model of dimension d, with kernels over it; null where there is
 * no WebAssembly with SIMD or d is no multiple of 4: then the plain loops do the same.
 */
export function simdMemory(dimension: number): SimdMemory | null {
  if (dimension % 4 !== 0) return null;
  const module = simdModule();
  return module === null ? null : new SimdMemory(module);
}
