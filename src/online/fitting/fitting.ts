import { stepBoost } from '../drift/drift.js';
import type { DriftOptions } from '../drift/options.js';
import { ACCUMULATOR_UNIT, accumulatorUnits, deltaUnits } from '../grid.js';
import type { MiniBatch } from '../minibatch.js';
import type { Model } from '../model.js';
import type { ScoringParts } from '../probe-parts.js';
import type { Random } from '../random.js';
import { QueryBatch } from '../serving/queries.js';
import { fittedKey, mappingKey, momentsKey } from '../tower/keys.js';
import type { BlockDelta, Tower } from '../types.js';
import { solveInPlace } from './cholesky.js';
import type { FittingOptions } from './options.js';
import { drawPairs, type SharedEvents } from './shared-users.js';

/** Moments are kept in multiples of this: those of interests far above 1 have to fit into the grid. */
const MOMENT_SCALE = 64;

/** Pairs of domains that are fitted in a mini-batch at the most: a step writes all of two matrices. */
const MOST_PAIRS = 2;

/** By so many of its events at the most: their histories have to be encoded. */
const MOST_EVENTS = 16;

/** A mini-batch of n events is looked at with probability n / 64: small ones would write more than they learn from. */
const FULL_STEP = 64;

/** While a pair has seen so little, all that tells of it is fitted; later one of so many times. */
const FEW = 2000;
const ONE_IN = 2;

/** Where a drift was found, pairs for each row of M that are remembered at least: fewer would say nothing of some. */
const LEAST_MEMORY = 4;

/**
 * Fits mappings M of the interest in s to that in t, for users of whom t knows nothing (EMCDR, Man et al. 2017, over
 * a stream): of the events in t of users who have been in s, with h the row (x_s, 1) of what the encoder makes of
 * their history in s, k that of their history in t with the event in it, and a weight of 1 / (1 + events in t),
 *
 *     Σ w |h M - k|² + λ |M - I|²          λ = `fitL2`
 *
 * is to be small: where nothing is known yet, embeddings mean the same in both domains. Those of a mini-batch, of
 * weight n, after such of weight N, make a step of recursive least squares (plain steps take very long where
 * coordinates differ in size):
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

  /** The steps of a mini-batch. All that is drawn comes from `random`; nothing is mutated. */
  steps(batch: MiniBatch, random: Random): BlockDelta[] {
    if (this.options.fitMemory === 0) return [];
    if (random.float() * FULL_STEP >= batch.count) return [];
    return drawPairs(batch, MOST_PAIRS, random)
      .filter((pair) => this.knownOf(pair) < FEW || random.below(ONE_IN) === 0)
      .flatMap((pair) => this.fit(batch, pair));
  }

  /** Σ of the weights of all that was fitted of a pair. */
  private knownOf({ source, target }: SharedEvents): number {
    const { accumulators } = this.model.blockOf(momentsKey(this.model, source, target));
    return accumulators[0]! * ACCUMULATOR_UNIT;
  }

  private fit(batch: MiniBatch, pair: SharedEvents): BlockDelta[] {
    const { model, queries } = this;
    const d = model.dimension;
    const events = pair.events.slice(0, MOST_EVENTS);
    const n = events.length;
    queries.clear();
    const counting = Float32Array.from(events, (event) => this.addEvent(batch, event, pair));
    const x = queries.encode(this.tower);
    const from = new Float32Array(n * (d + 1)).fill(1);
    const to = new Float32Array(n * d);
    for (let i = 0; i < n; i++) {
      from.set(x.subarray(2 * i * d, (2 * i + 1) * d), i * (d + 1));
      to.set(x.subarray((2 * i + 1) * d, (2 * i + 2) * d), i * d);
    }
    return this.step(pair, from, to, counting);
  }

  /** Adds what the user of an event had done in s, and what in t with the event; returns what the pair counts. */
  private addEvent(batch: MiniBatch, event: number, { source, target }: SharedEvents): number {
    const histories = batch.historiesOf(event);
    const own = histories.find(({ domain }) => domain === target);
    const there = {
      domain: target,
      count: (own?.count ?? 0) + 1,
      rows: [...Array.from(own?.rows ?? []), batch.rows[event]!],
      weights: [...Array.from(own?.weights ?? []), batch.weights[event]!],
      // Of no age, in mini-batches without times as well.
      times: [...Array.from(own?.times ?? []), Number.POSITIVE_INFINITY],
    };
    const here = histories.find(({ domain }) => domain === source)!;
    this.queries.addHistories([here, there], batch.times[event]!);
    return 1 / there.count;
  }

  private step(
    pair: SharedEvents,
    from: Float32Array,
    to: Float32Array,
    counting: Float32Array,
  ): BlockDelta[] {
    const { model, tower, options } = this;
    const { source, target } = pair;
    const { fitMemory, fitL2 } = options;
    const d = model.dimension;
    const e = d + 1;
    const n = counting.length;
    const total = counting.reduce((sum, weight) => sum + weight, 0);
    const momentsOf = momentsKey(model, source, target);
    const fitted = fittedKey(model, source, target);
    const moments = model.block(momentsOf);
    const mapping = model.block(fitted);
    const boost = stepBoost(model, mappingKey(model, source, target), options);
    const known = this.knownOf(pair);
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
