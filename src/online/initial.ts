import { onGrid } from './grid.js';
import { Random } from './random.js';
import type { TableColumns } from './table.js';

/** What the initial values of all rows depend on, beside the row's key. */
export interface InitialValues {
  readonly seed: number;
  readonly dimension: number;
  readonly initialScale: number;
}

/** The embedding (d) that a new row starts from: PRNG(seed, key), never the order of arrival. */
export function initialEmbedding(options: InitialValues, key: string): Float32Array {
  const random = new Random(options.seed, key);
  const embedding = new Float32Array(options.dimension);
  for (let k = 0; k < embedding.length; k++) {
    embedding[k] = onGrid(random.normal() * options.initialScale);
  }
  return embedding;
}

/** Whether nothing has been learned in a row: its count, accumulators, bias and embedding are initial. */
export function isVacantRow(
  columns: TableColumns,
  row: number,
  options: InitialValues,
  key: string,
): boolean {
  const { counts, accumulators, biases, embeddings } = columns;
  if (counts[row] !== 0 || accumulators[row * 2] !== 0 || accumulators[row * 2 + 1] !== 0) {
    return false;
  }
  if (biases[row] !== 0) return false;
  const base = row * options.dimension;
  return initialEmbedding(options, key).every((value, k) => value === embeddings[base + k]);
}
