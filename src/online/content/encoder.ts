import { toUnits } from '../grid.js';
import { Random } from '../random.js';
import { categoryNumber, type Features, labelFeatures, textFeatures } from './features.js';
import { sparseFeatures } from './sparse.js';

/** What a catalogue says of an item; all of it may be missing. */
export interface ItemContent {
  readonly title: string | null;
  /** The main one first. */
  readonly categories: readonly string[];
  readonly tags: readonly string[];
  readonly text: string | null;
  /** Given vectors (of image, audio, text ...) by name; finite. */
  readonly vectors: Readonly<Record<string, readonly number[]>>;
}

/** c_j on the grid, and the main category. */
export interface EncodedContent {
  /** (C) multiples of the weight grid, of length 1 together; all 0 for an item of which nothing is said. */
  readonly values: Int32Array;
  /** See `categoryNumber`. */
  readonly category: number;
  /** (64) features one by one; see `sparseFeatures`. */
  readonly features: Uint16Array;
}

/** C, the length of c_j, for embeddings of d. */
export function contentSize(dimension: number): number {
  return 2 * dimension;
}

/** How much each kind of content counts, where it is there. */
const WEIGHT = { text: 0.6, labels: 1, vector: 1 } as const;
/** Rows of projections that are kept at the most. */
const MOST_ROWS = 1 << 16;

/**
 * From content to c_j. Each kind (words of title and text; categories and tags; each given vector) is
 * projected by a matrix of random numbers and brought to length 1:
 *
 *     p(x) = P x / |P x|,   P (C, features), entries from PRNG(seed, kind, feature)
 *     c_j  = Σ_kind weight p(x_kind), brought to length 1
 *
 * so products of two items' c are about those of their features (Johnson and Lindenstrauss; Achlioptas
 * 2003). The same content and seed give the same c_j on every platform.
 */
export class ContentEncoder {
  private readonly seed: number;
  private readonly size: number;
  private readonly rows = new Map<string, Float64Array>();

  constructor(seed: number, dimension: number) {
    this.seed = seed;
    this.size = contentSize(dimension);
  }

  encode(content: ItemContent): EncodedContent {
    const { title, categories, tags, text, vectors } = content;
    const sum = new Float64Array(this.size);
    this.add(sum, WEIGHT.text, 'text', textFeatures({ title, text }));
    this.add(sum, WEIGHT.labels, 'labels', labelFeatures(categories, tags));
    // By name: which comes first in a map says nothing.
    for (const name of Object.keys(vectors).sort()) {
      const features: Features = new Map(vectors[name]!.entries());
      this.add(sum, WEIGHT.vector, `vector ${name}`, features);
    }
    scale(sum, 1);
    return {
      values: Int32Array.from(sum, toUnits),
      category: categoryNumber(categories),
      features: sparseFeatures(content),
    };
  }

  private add(sum: Float64Array, weight: number, kind: string, features: Features): void {
    const projected = new Float64Array(this.size);
    let largest = 0;
    for (const value of features.values()) largest = Math.max(largest, Math.abs(value));
    if (largest === 0) return;
    for (const [feature, value] of features) {
      if (value === 0) continue;
      const row = this.row(kind, feature);
      // By the largest first: squares of vectors near the ends of the range stay finite.
      for (let k = 0; k < row.length; k++) projected[k]! += (value / largest) * row[k]!;
    }
    scale(projected, weight);
    for (let k = 0; k < sum.length; k++) sum[k]! += projected[k]!;
  }

  private row(kind: string, feature: number): Float64Array {
    const key = `${kind} ${feature}`;
    let row = this.rows.get(key);
    if (row !== undefined) return row;
    const random = Random.of('content', this.seed, kind, feature);
    row = Float64Array.from({ length: this.size }, () => random.normal());
    if (this.rows.size >= MOST_ROWS) this.rows.clear();
    this.rows.set(key, row);
    return row;
  }
}

/** Brings a vector to a length, if it has any. */
function scale(values: Float64Array, length: number): void {
  const norm = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  if (norm === 0) return;
  for (let k = 0; k < values.length; k++) values[k]! *= length / norm;
}
