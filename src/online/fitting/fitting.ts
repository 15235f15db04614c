import { stepBoost } from '../drift/drift.js';
import type { DriftOptions } from '../drift/options.js';
import { ACCUMULATOR_UNIT, accumulatorUnits, deltaUnits } from '../grid.js';
import type { Model } from '../model.js';
import type { ScoringParts } from '../probe-parts.js';
import type { Random } from '../random.js';
import { QueryBatch } from '../serving/queries.js';
import { fittedKey, mappingKey, momentsKey } from '../tower/keys.js';
import type { BlockDelta, Tower } from '../types.js';
import { likesAny, type User } from '../user.js';
import { solveInPlace } from './cholesky.js';
import type { FittingOptions } from './options.js';

/** Moments are kept in multiples of this: those of interests far above 1 have to fit into the grid. */
const MOMENT_SCALE = 64;

/** Users drawn for a step: those of them are looked at who have been in the same two domains as the first. */
const MOST_USERS = 64;

/** A mini-batch of n events is looked at with probability n / 64: small ones would write more than they learn from. */
const FULL_STEP = 64;

/** While a pair has seen so little, each mini-batch that draws it makes a step; later one in so many. */
const FEW = 100;
const ONE_IN = 4;

/** Where a drift was found, pairs for each row of M that are remembered at least: fewer would say nothing of some. */
const LEAST_MEMORY = 4;

/** From one domain to another, by their indices. */
interface Way {
  readonly source: number;
  readonly target: number;
}

/** Where users are drawn from. */
export interface OverlappingSource {
  /** Somebody who has been in more than one domain; undefined where nobody has. To be read only. */
  drawOverlapping(random: Random): User | undefined;
}

/**
 * Fits mappings M of the interest in s to that in t, for users of whom t knows nothing (EMCDR, Man et al. 2017, over
 * a stream): of users who have been in both, with h the row (x_s, 1) of what the encoder makes of their history in s, k
 * that of their history in t, and a weight of 1 / √(events in t),
 *
 *     Σ w |h M - k|² + λ |M - I|²          λ = `fitL2`
 *
 * is to be small: where nothing is known yet, embeddings mean the same in both domains. Users are drawn from all whom
 * the learner knows, not from those of the mini-batch: who comes in is not who is served, and of them all that they did
 * tells, by embeddings as they are now. Those of a step, of weight n, after such of weight N, make a step of recursive
 * least squares (plain steps take very long where coordinates differ in size):
 *
 *     ρ = n / (n + min(N, fitMemory))
 *     P ← P + ρ (Σ w hᵀh / n - P)
 *     M ← M - ρ (P + λ ρ / n I)⁻¹ Σ w hᵀ(h M - k) / n
 *
 * so M is the minimum of the sum, but for embeddings that have moved since, and from `fitMemory` on what is older
 * counts less and less (there λ pulls again). Embeddings are not moved by it. Where a drift was found, less is
 * remembered.
 */
export class Fitting {
  private readonly model: Model;
  private readonly tower: Tower;
  private readonly options: FittingOptions & DriftOptions;
  private readonly queries: QueryBatch;

  constructor(
    { model, tower, encoder }: Omit<ScoringParts, 'sampler'>,
    options: FittingOptions & DriftOptions,
  ) {
    this.model = model;
    this.tower = tower;
    this.queries = new QueryBatch(model, encoder);
    this.options = options;
  }

  /**
   * The steps of a mini-batch of so many events: both ways between two domains that some user has been in. All that is
   * drawn comes from `random`; nothing is mutated.
   */
  steps(events: number, users: OverlappingSource, random: Random): BlockDelta[] {
    if (this.options.fitMemory === 0) return [];
    if (random.float() * FULL_STEP >= events) return [];
    const first = users.drawOverlapping(random);
    if (first === undefined) return [];
    const { length } = first.histories;
    const here = random.below(length);
    const there = (here + 1 + random.below(length - 1)) % length;
    const way = { source: first.histories[here]!.domain, target: first.histories[there]!.domain };
    if (this.knownOf(way) >= FEW && random.below(ONE_IN) > 0) return [];
    const drawn = [first];
    while (drawn.length < MOST_USERS) drawn.push(users.drawOverlapping(random) ?? first);
    return this.fit(way, drawn);
  }

  /** Σ of the weights of all that was fitted of a pair. */
  private knownOf({ source, target }: Way): number {
    const { accumulators } = this.model.blockOf(momentsKey(this.model, source, target));
    return accumulators[0]! * ACCUMULATOR_UNIT;
  }

  private fit(way: Way, users: readonly User[]): BlockDelta[] {
    const { queries } = this;
    const { source, target } = way;
    queries.clear();
    const [here, there]: [number[], number[]] = [[], []];
    for (const user of users) {
      const [a, b] = [user.history(source), user.history(target)];
      if (a === undefined || b === undefined || !likesAny(a) || !likesAny(b)) continue;
      // As old as when the user was last there.
      for (const history of [a, b]) queries.addHistories([history], history.times.at(-1)!);
      here.push(1 / Math.sqrt(a.count));
      there.push(1 / Math.sqrt(b.count));
    }
    if (here.length === 0) return [];
    const x = queries.encode(this.tower);
    return [
      ...this.step(way, x, 0, Float32Array.from(there)),
      ...this.step({ source: target, target: source }, x, 1, Float32Array.from(here)),
    ];
  }

  /** @param x (2n, d) interests by user: in the source and in the target where `flipped` is 0, else the other way round. */
  private step(way: Way, x: Float32Array, flipped: 0 | 1, counting: Float32Array): BlockDelta[] {
    const { model, tower, options } = this;
    const { source, target } = way;
    const { fitMemory, fitL2 } = options;
    const d = model.dimension;
    const e = d + 1;
    const n = counting.length;
    const from = new Float32Array(n * e).fill(1);
    const to = new Float32Array(n * d);
    for (let i = 0; i < n; i++) {
      const [h, k] = [2 * i + flipped, 2 * i + 1 - flipped];
      from.set(x.subarray(h * d, (h + 1) * d), i * e);
      to.set(x.subarray(k * d, (k + 1) * d), i * d);
    }
    const total = counting.reduce((sum, weight) => sum + weight, 0);
    const momentsOf = momentsKey(model, source, target);
    const fitted = fittedKey(model, source, target);
    const moments = model.block(momentsOf);
    const mapping = model.block(fitted);
    const boost = stepBoost(model, mappingKey(model, source, target), options);
    const known = this.knownOf(way);
    const memory = Math.max(fitMemory / boost, LEAST_MEMORY * e);
    const remembered = total + Math.min(known, memory);
    const rho = total / remembered;
    const ridge = fitL2 / remembered;
    const pull = known > memory ? ridge : 0;
    const weighted = new Float32Array(n * e);
    for (let i = 0; i < n; i++) {
      for (let k = i * e; k < (i + 1) * e; k++) weighted[k] = from[k]! * counting[i]!;
    }
    const gram = tower.multiply(weighted, n, e, from, n, e, true, false);
    const residual = tower.multiply(from, n, e, mapping, e, d, false, false);
    for (let i = 0; i < residual.length; i++) residual[i]! -= to[i]!;
    const slope = tower.multiply(weighted, n, e, residual, n, d, true, false);
    const added = new Int32Array(e * e);
    const curvature = new Float64Array(e * e);
    for (let i = 0; i < e * e; i++) {
      const change = rho * (gram[i]! / total / MOMENT_SCALE - moments[i]!);
      added[i] = deltaUnits(moments[i]!, change);
      curvature[i] = (moments[i]! + change) * MOMENT_SCALE;
    }
    const step = new Float64Array(e * d);
    for (let i = 0; i < e * d; i++) step[i] = slope[i]! / total + pull * mapping[i]!;
    for (let k = 0; k < d; k++) step[k * d + k]! -= pull;
    solveDamped(curvature, e, ridge, step, d);
    const values = new Int32Array(e * d);
    for (let i = 0; i < e * d; i++) values[i] = deltaUnits(mapping[i]!, -rho * step[i]!);
    const counted = new Float64Array(e);
    counted[0] = accumulatorUnits(total);
    return [
      { key: momentsOf, values: added, accumulators: counted },
      { key: fitted, values, accumulators: new Float64Array(e) },
    ];
  }
}

/**
 * Solves (P + r I) X = B in place (`b` holds X then) for the least of r = `ridge`, 4 `ridge`, 16 `ridge` ... by which
 * P (n, n) becomes positive definite. Second moments are so by the first, but sums of steps that many tasks took at
 * once, none knowing of the others', need not be second moments of anything while little is remembered.
 */
function solveDamped(
  moments: Float64Array,
  n: number,
  ridge: number,
  b: Float64Array,
  columns: number,
): void {
  for (let damping = ridge; Number.isFinite(damping); damping = Math.max(4 * damping, 1e-6)) {
    const damped = moments.slice();
    for (let k = 0; k < n; k++) damped[k * n + k]! += damping;
    if (solveInPlace(damped, n, b, columns)) return;
  }
}
