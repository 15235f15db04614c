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

/** Items that are scored at once; after each lot the bar is higher. */
const LOT = 32;
/** For the rounding of float32 sums: far above it, far below what matters. */
const SLACK = 1e-4;

/**
 * The n best of a domain by dense score (a scan) and what a walk adds to it, given the n best by dense
 * score alone. Exact: what the walk adds is never below 0, so an item that it does not reach and that
 * is not among the n best without it has n better ones still; and an item is passed over only where a
 * bound of its score is below the n-th best so far. Equal ones as in TopN.
 */
export class WideMerge {
  private readonly rows = new Int32Array(LOT);
  private readonly places = new Int32Array(LOT);
  private dots = new Float32Array(LOT);
  /** By row reached: what the walk adds at the most. */
  private bounds = new Float64Array(256);
  /** By place: 1 if the item is one of the best by dense score. */
  private isDense = new Uint8Array(0);

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
    const reached = walk.rows;
    if (reached.length === 0 || (weights.lift === 0 && weights.walk === 0) || n === 0) {
      return dense.slice();
    }
    const { base, norms, places } = priors;
    const { counts } = items;
    const best = this.denseOnes(items, priors, walk, weights, query, at, dense);
    for (const { index } of dense) this.isDense[index] = 1;
    const reach = reachOf(query, at, items.dimension);
    const bounds = this.boundsOf(walk, reached.length, weights);
    const { isDense } = this;
    let bar = barOf(best, n);
    let taken = 0;
    for (let i = 0; i <= reached.length; i++) {
      if (taken === LOT || (i === reached.length && taken > 0)) {
        dotsOfRows(items, this.rows, taken, query, at, this.dots);
        for (let k = 0; k < taken; k++) {
          const index = this.places[k]!;
          const score = this.dots[k]! + base[index]! + walk.added(this.rows[k]!, weights);
          if (score >= bar) best.push({ index, score });
        }
        keep(best, n);
        bar = barOf(best, n);
        taken = 0;
      }
      if (i === reached.length) break;
      const row = reached[i]!;
      if (!(counts[row]! > 0)) continue;
      const place = places[row]!;
      if (base[place]! + reach * norms[place]! + bounds[i]! < bar - SLACK) continue;
      if (isDense[place] === 1 || excluded.has(row)) continue;
      this.rows[taken] = row;
      this.places[taken++] = place;
    }
    for (const { index } of dense) this.isDense[index] = 0;
    return best;
  }

  private boundsOf(walk: Walk, reached: number, weights: BlendWeights): Float64Array {
    if (this.bounds.length < reached) this.bounds = new Float64Array(reached * 2);
    walk.addedAtMost(weights, this.bounds);
    return this.bounds;
  }

  /** The best by dense score, with what the walk adds, in order. */
  private denseOnes(
    items: ItemTable,
    { base, rows: rowsOfDomain }: DomainPriors,
    walk: Walk,
    weights: BlendWeights,
    query: Float32Array,
    at: number,
    dense: readonly Scored[],
  ): Scored[] {
    if (this.isDense.length < base.length) this.isDense = new Uint8Array(base.length);
    if (this.dots.length < dense.length) this.dots = new Float32Array(dense.length);
    const rows = Int32Array.from(dense, ({ index }) => rowsOfDomain[index]!);
    dotsOfRows(items, rows, rows.length, query, at, this.dots);
    const best = dense.map((scored, i) => {
      const { index } = scored;
      if (walk.mass(rows[i]!) === 0) return scored;
      return { index, score: this.dots[i]! + base[index]! + walk.added(rows[i]!, weights) };
    });
    return best.sort(byScore);
  }
}

/** The score that has to be reached. */
function barOf(best: readonly Scored[], n: number): number {
  return best.length < n ? Number.NEGATIVE_INFINITY : best[n - 1]!.score;
}

function keep(best: Scored[], n: number): void {
  best.sort(byScore);
  if (best.length > n) best.length = n;
}

function byScore(a: Scored, b: Scored): number {
  return b.score - a.score || a.index - b.index;
}
