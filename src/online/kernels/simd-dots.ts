import type { ItemTable } from '../table.js';
import { SimdMemory } from './memory.js';

/** Rows that one call of the kernel takes. */
const MOST_ROWS = 4096;

/**
 * Writes v_j · q of the rows j = rows[0 .. n - 1] to out[0 .. n - 1], where q = query[at .. at + d - 1],
 * rounded to float32: by SIMD kernels if the table lives in their memory, else in plain loops. Equal
 * embeddings have equal products.
 */
export function dotsOfRows(
  items: ItemTable,
  rows: Int32Array,
  n: number,
  query: Float32Array,
  at: number,
  out: Float32Array,
): void {
  if (items.memory instanceof SimdMemory) simdDots(items.memory, items, rows, n, query, at, out);
  else plainDots(items, rows, n, query, at, out);
}

/**
 * Writes v_i · v_j of the rows i = rows[0 .. n - 1] to out[k n .. k n + n - 1] for each of the rows
 * j = others[k], as `dotsOfRows` does for one.
 */
export function dotsBetween(
  items: ItemTable,
  rows: Int32Array,
  n: number,
  others: readonly number[],
  out: Float32Array,
): void {
  const { memory, embeddings, dimension } = items;
  if (memory instanceof SimdMemory && n <= MOST_ROWS) {
    const { floats, scratchStart } = memory;
    const count = giveRows(memory, rows, 0, n);
    const width = dimension * 4;
    const place = scratchStart + MOST_ROWS * 4;
    for (let k = 0; k < others.length; k++) {
      const query = memory.embeddings + others[k]! * width;
      memory.kernels.dots(memory.embeddings, scratchStart, count, query, width, place);
      for (let i = 0; i < n; i++) out[k * n + i] = floats[place / 4 + i]!;
    }
    return;
  }
  for (let k = 0; k < others.length; k++) {
    dotsOfRows(items, rows, n, embeddings, others[k]! * dimension, out.subarray(k * n, k * n + n));
  }
}

function plainDots(
  { embeddings, dimension }: ItemTable,
  rows: Int32Array,
  n: number,
  query: Float32Array,
  at: number,
  out: Float32Array,
): void {
  for (let i = 0; i < n; i++) {
    const from = rows[i]! * dimension;
    let sum = 0;
    for (let k = 0; k < dimension; k++) sum += embeddings[from + k]! * query[at + k]!;
    out[i] = sum;
  }
}

function simdDots(
  memory: SimdMemory,
  { dimension }: ItemTable,
  rows: Int32Array,
  n: number,
  query: Float32Array,
  at: number,
  out: Float32Array,
): void {
  const { floats } = memory;
  const placeRows = memory.scratchStart / 4;
  const placeOut = placeRows + MOST_ROWS;
  const placeQuery = placeOut + MOST_ROWS;
  for (let k = 0; k < dimension; k++) floats[placeQuery + k] = query[at + k]!;
  for (let from = 0; from < n; from += MOST_ROWS) {
    const to = Math.min(n, from + MOST_ROWS);
    const some = to - from;
    const count = giveRows(memory, rows, from, some);
    memory.kernels.dots(
      memory.embeddings,
      placeRows * 4,
      count,
      placeQuery * 4,
      dimension * 4,
      placeOut * 4,
    );
    for (let i = 0; i < some; i++) out[from + i] = floats[placeOut + i]!;
  }
}

/** Hands n rows to the kernel; returns how many it takes, a multiple of 4. */
function giveRows({ ints, scratchStart }: SimdMemory, rows: Int32Array, from: number, n: number) {
  const place = scratchStart / 4;
  const count = (n + 3) & ~3;
  for (let i = 0; i < n; i++) ints[place + i] = rows[from + i]!;
  // What fills the last four up is a row like any other; its product is not read.
  for (let i = n; i < count; i++) ints[place + i] = rows[from]!;
  return count;
}
