import type { BlendWeights } from '../blend/blend.js';
import { dotsOfRows } from '../kernels/simd-dots.js';
import type { ItemTable } from '../table.js';
import type { Walk } from '../wide/walk.js';
import type { DomainPriors } from './priors.js';
import { reachOf } from './scan.js';

/** A place in the domain's rows, and its score. */
export interface Scored {
  readonly index: number;
  readonly score: number;
}

/**
 * The n best of a domain by dense score (a scan) and what a walk adds to it, given the n best by dense
 * score alone. Exact: what the walk adds is never below 0, so an item that it does not reach and that
 * is not among the n best without it has n better ones still. Equal ones as in TopN.
 */
export class WideMerge {
  private rows = new Int32Array(256);
  private places = new Int32Array(256);
  private added = new Float64Array(256);
  private dots = new Float32Array(256);

  /** @param query (.., d); the user's begins at `at`, times the weight of the deep part. */
  best(
    items: ItemTable,
    priors: DomainPriors,
    walk: Walk,
    weights: BlendWeights,
    query: Float32Array,
    at: number,
    excluded: ReadonlySet<number>,
    dense: readonly Scored[],
    n: number,
  ): Scored[] {
    if (walk.length === 0 || (weights.lift === 0 && weights.walk === 0) || n === 0) {
      return dense.slice();
    }
    const { base, norms, places } = priors;
    const { counts } = items;
    const least = dense.length < n ? Number.NEGATIVE_INFINITY : dense[n - 1]!.score;
    const reach = reachOf(query, at, items.dimension);
    this.reserve(walk.length);
    let reached = 0;
    for (let i = 0; i < walk.length; i++) {
      const row = walk.rows[i]!;
      if (!(counts[row]! > 0) || excluded.has(row)) continue;
      const place = places[row]!;
      const added = walk.added(row, weights);
      if (base[place]! + reach * norms[place]! + added < least - SLACK) continue;
      this.rows[reached] = row;
      this.places[reached] = place;
      this.added[reached++] = added;
    }
    dotsOfRows(items, this.rows, reached, query, at, this.dots);
    const taken = new Set<number>();
    const found: Scored[] = [];
    for (let i = 0; i < reached; i++) {
      const index = this.places[i]!;
      const score = this.dots[i]! + base[index]! + this.added[i]!;
      taken.add(index);
      if (score >= least) found.push({ index, score });
    }
    for (const scored of dense) if (!taken.has(scored.index)) found.push(scored);
    return found.sort((a, b) => b.score - a.score || a.index - b.index).slice(0, n);
  }

  private reserve(n: number): void {
    if (n <= this.rows.length) return;
    this.rows = new Int32Array(n * 2);
    this.places = new Int32Array(n * 2);
    this.added = new Float64Array(n * 2);
    this.dots = new Float32Array(n * 2);
  }
}

/** For the rounding of float32 sums: far above it, far below what matters. */
const SLACK = 1e-4;
