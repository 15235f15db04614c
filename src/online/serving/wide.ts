import type { BlendWeights } from '../blend/blend.js';
import { dotsOfRows } from '../kernels/simd-dots.js';
import type { ItemTable } from '../table.js';
import type { Walk } from '../wide/walk.js';
import { MOST_FOUND } from '../wide/words.js';
import type { Excluded } from './exclusion.js';
import { baseOf, type DomainPriors } from './priors.js';
import { reachOf, type ScanTarget } from './scan.js';

/** A place in the domain's rows, and its score. */
export interface Scored {
  readonly index: number;
  readonly score: number;
}

/** For the rounding of float32 sums: far above it, far below what matters. */
const SLACK = 1e-4;

/**
 * The n best of a domain by dense score (a scan) and what a walk adds to it, given the n best by dense
 * score alone. Exact: what the walk adds is never below 0, so an item that it does not reach and that
 * is not among the n best without it has n better ones still; and an item is passed over only where a
 * bound of its score is below the n-th best so far. Equal ones as in TopN.
 */
export class WideMerge {
  /** Items that are scored at once; after each lot the bar is higher. */
  private rows = new Int32Array(MOST_FOUND);
  private readonly places = new Int32Array(MOST_FOUND);
  private dots = new Float32Array(MOST_FOUND);
  /** By row of the table: 1 if it is one of the best by dense score, or excluded. All 0 between calls. */
  private isPassed = new Uint8Array(0);

  /** @param query (.., d), times the weight of the deep part. */
  best(
    items: ItemTable,
    priors: DomainPriors,
    walk: Walk,
    weights: BlendWeights,
    query: Float32Array,
    target: ScanTarget,
    dense: readonly Scored[],
    n: number,
  ): readonly Scored[] {
    const { lift, walk: second, cosine } = weights;
    if (walk.length === 0 || n === 0 || lift + second + cosine === 0) return dense;
    const { places } = priors;
    const { at, excluded, popularity } = target;
    const { counts } = items;
    const best = this.denseOnes(items, priors, walk, weights, query, target, dense);
    const { isPassed, rows } = this;
    this.pass(priors, excluded, dense, 1);
    const reach = reachOf(query, at, items.dimension);
    for (let from = 0; from < walk.length; ) {
      const bar = barOf(best, n);
      const { found, next } = walk.reaching(from, weights, reach, bar - SLACK, rows);
      from = next;
      let taken = 0;
      for (let i = 0; i < found; i++) {
        const row = rows[i]!;
        if (!(counts[row]! > 0) || isPassed[row] === 1) continue;
        rows[taken] = row;
        this.places[taken++] = places[row]!;
      }
      if (taken === 0) continue;
      dotsOfRows(items, rows, taken, query, at, this.dots);
      for (let i = 0; i < taken; i++) {
        const index = this.places[i]!;
        const row = rows[i]!;
        const denseScore = this.dots[i]! + baseOf(priors, index, popularity);
        if (denseScore + walk.addedAtMost(row, weights) < bar - SLACK) continue;
        const score = denseScore + walk.added(row, weights);
        if (score >= bar) insert(best, { index, score }, n);
      }
    }
    this.pass(priors, excluded, dense, 0);
    return best;
  }

  /** Notes which rows the walk's are not to be taken from, or (0) forgets it. */
  private pass(
    { rows }: DomainPriors,
    excluded: Excluded,
    dense: readonly Scored[],
    mark: 0 | 1,
  ): void {
    const { isPassed } = this;
    for (const { index } of dense) isPassed[rows[index]!] = mark;
    for (const row of excluded.rows) isPassed[row] = mark;
  }

  /** The best by dense score, with what the walk adds, in order. */
  private denseOnes(
    items: ItemTable,
    priors: DomainPriors,
    walk: Walk,
    weights: BlendWeights,
    query: Float32Array,
    { at, popularity }: ScanTarget,
    dense: readonly Scored[],
  ): Scored[] {
    const { length } = dense;
    if (this.isPassed.length < items.size) {
      this.isPassed = new Uint8Array(Math.ceil(items.size * 1.25));
    }
    if (this.dots.length < length) {
      this.dots = new Float32Array(length);
      this.rows = new Int32Array(length);
    }
    const { dots, rows } = this;
    for (let i = 0; i < length; i++) rows[i] = priors.rows[dense[i]!.index]!;
    dotsOfRows(items, rows, length, query, at, dots);
    const best: Scored[] = [];
    for (let i = 0; i < length; i++) {
      const row = rows[i]!;
      const { index } = dense[i]!;
      insert(
        best,
        walk.mass(row) === 0
          ? dense[i]!
          : {
              index,
              score: dots[i]! + baseOf(priors, index, popularity) + walk.added(row, weights),
            },
        length,
      );
    }
    return best;
  }
}

/** The score that has to be reached. */
function barOf(best: readonly Scored[], n: number): number {
  return best.length < n ? Number.NEGATIVE_INFINITY : best[n - 1]!.score;
}

/** Puts one in its place among the best, of which n are kept. */
function insert(best: Scored[], one: Scored, n: number): void {
  if (best.length === n) {
    if (n === 0 || !isBefore(one, best[n - 1]!)) return;
  } else best.push(one);
  let at = best.length - 1;
  for (; at > 0 && isBefore(one, best[at - 1]!); at--) best[at] = best[at - 1]!;
  best[at] = one;
}

function isBefore(a: Scored, b: Scored): boolean {
  return a.score > b.score || (a.score === b.score && a.index < b.index);
}
