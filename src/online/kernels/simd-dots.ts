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
  const { ints, floats } = memory;
  const placeRows = memory.scratchStart / 4;
  const placeOut = placeRows + MOST_ROWS;
  const placeQuery = placeOut + MOST_ROWS;
  for (let k = 0; k < dimension; k++) floats[placeQuery + k] = query[at + k]!;
  for (let from = 0; from < n; from += MOST_ROWS) {
    const to = Math.min(n, from + MOST_ROWS);
    const count = (to - from + 3) & ~3;
    const some = to - from;
    for (let i = 0; i < some; i++) ints[placeRows + i] = rows[from + i]!;
    // What fills the last four up is a row like any other; its product is not read.
    for (let i = some; i < count; i++) ints[placeRows + i] = rows[from]!;
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
