import { Blend, type BlendWeights } from '../blend/blend.js';
import type { BlendOptions } from '../blend/options.js';
import { saturate } from '../blend/saturate.js';
import { dotsOfRows } from '../kernels/simd-dots.js';
import type { MiniBatch } from '../minibatch.js';
import type { Model } from '../model.js';
import type { Outcome, ScoringParts } from '../probe-parts.js';
import type { Random } from '../random.js';
import type { PopularitySampler } from '../sampler.js';
import { log1pCount } from '../serving/priors.js';
import type { PastEvents, QueryBatch } from '../serving/queries.js';
import type { WalkWeights } from '../wide/walk.js';
import { choice } from './choice.js';
import { DEVIATION_ROWS, type DeviationSet, PARTS } from './deviations.js';
import { leaningOf } from './leaning.js';
import {
  addToStack,
  LIKENESS_ROWS,
  likenessKey,
  MOST_LIKENESS,
  MOST_POPULARITY,
  STACK_ROWS,
  stackKey,
} from './stack.js';

/** One event in so many is looked at while a domain has had few, and later: a probe costs as much as a list. */
const ONE_IN_EARLY = 16;
const ONE_IN = 64;
/** One in so many of these is looked at once more, as if its user were new in the domain. */
const ONE_IN_HIDDEN = 4;
/** Events of a domain that are few. */
const FEW = 2000;
/** Items of the domain that its item is compared with, all alike. */
const OTHERS = 50;

/** Others are counted as if the domain had so many at the most: those that a list is chosen from. */
const MOST_OTHERS = 1000;

/** Weights that leave one part of what a walk adds. */
const NOTHING: WalkWeights = { lift: 0, walk: 0, cosine: 0, discount: 0 };
const LIFT: WalkWeights = { ...NOTHING, lift: 1 };
const WALK: WalkWeights = { ...NOTHING, walk: 1 };
const COSINE: WalkWeights = { ...NOTHING, cosine: 1 };

/** An event to be compared with others of its domain. */
interface Planned {
  readonly row: number;
  readonly target: number;
  /** What a list would look at, and its number in the batch of queries. */
  readonly histories: readonly PastEvents[];
  readonly example: number;
  /** Events of the user's in the target; 0: looked at as if there were none. */
  readonly events: number;
  readonly set: DeviationSet | null;
}

/**
 * What some events of a mini-batch tell of the weights of the stack (stack.ts) before they are learned. With s_i the
 * scores of lists, of the event's item j and of others of the domain, drawn uniformly, the loss is
 * log Σ_i exp(s_i - s_j) (choice.ts), and its gradient goes to the weights that make up that of popularity.
 * Of users who are new in the domain there are too few to learn from: they keep the blend that is set. What a user
 * comes back to tells nothing here (repeats/repeats.ts).
 */
export class StackProbing {
  private readonly model: Model;
  private readonly sampler: PopularitySampler;
  private readonly blend: Blend;
  private readonly rows = new Int32Array(OTHERS + 1);
  private readonly dots = new Float32Array(OTHERS + 1);
  private readonly scores = new Float64Array(OTHERS + 1);
  private readonly wide = new Float64Array(OTHERS + 1);
  /** log(1 + c) of them. */
  private readonly logs = new Float64Array(OTHERS + 1);
  /** Their likeness to what the user liked last, by kind. */
  private readonly categories = new Float64Array(OTHERS + 1);
  private readonly words = new Float64Array(OTHERS + 1);
  /** What the parts of a score are without their weights. */
  private readonly features = PARTS.map(() => new Float64Array(OTHERS + 1));

  constructor({ model, sampler }: ScoringParts, blend: Partial<BlendOptions>) {
    this.model = model;
    this.sampler = sampler;
    this.blend = new Blend(model, blend);
  }

  /**
   * Gradients by key of the block. All that is drawn comes from `random`, and for newcomers from `newcomers`; nothing
   * but `queries` is mutated.
   */
  plan(
    batch: MiniBatch,
    queries: QueryBatch,
    random: Random,
    newcomers: Random,
  ): Outcome<Map<string, Float32Array>> {
    const planned: Planned[] = [];
    for (let event = 0; event < batch.count; event++) {
      const few = this.model.eventsOf(batch.domains[event]!) < FEW;
      if (random.below(few ? ONE_IN_EARLY : ONE_IN) !== 0) continue;
      for (const plan of this.plans(batch, event, queries, newcomers)) planned.push(plan);
    }
    return (query) => {
      const gradients = new Map<string, Float32Array>();
      for (const plan of planned) {
        if (!this.draw(plan, plan.events > 0 ? random : newcomers)) continue;
        if (plan.events > 0) this.add(plan, query, gradients);
        this.deviate(plan, query, gradients);
      }
      return gradients;
    };
  }

  /** An event as it is, or (where there is more to see) as if its user were new in the domain as well. */
  private plans(batch: MiniBatch, event: number, queries: QueryBatch, random: Random): Planned[] {
    const [row, target] = [batch.rows[event]!, batch.domains[event]!];
    if (!(this.model.items.counts[row]! > 0)) return [];
    const all = batch.historiesOf(event);
    const own = all.find(({ domain }) => domain === target);
    if (own !== undefined && Array.from(own.rows).includes(row)) return [];
    const others = all.filter(({ domain }) => domain !== target);
    const planned: Planned[] = [];
    const plan = (seen: readonly PastEvents[], events: number): void => {
      const { trust, deviations } = this.blend;
      const histories = seen.filter((one) => trust.of(one.domain, target, events === 0));
      if (histories.length === 0) return;
      const range = queries.addHistories(histories, batch.times[event]!);
      const example = queries.addTarget(range, target);
      const set = deviations.setFor(events, target, histories);
      planned.push({ row, target, histories, example, events, set });
    };
    if (own !== undefined) plan(all, own.count);
    if (others.length > 0 && (own === undefined || random.below(ONE_IN_HIDDEN) === 0)) {
      plan(others, 0);
    }
    return planned;
  }

  /** Draws the items that an event's is compared with; false if there are none. */
  private draw({ row, target }: Planned, random: Random): boolean {
    const { sampler } = this;
    sampler.turnTo(target);
    if (sampler.size < 2) return false;
    this.rows[0] = row;
    for (let i = 1; i <= OTHERS; i++) this.rows[i] = sampler.drawUniformly(random);
    return true;
  }

  private add(plan: Planned, query: Float32Array, gradients: Map<string, Float32Array>): void {
    const { target, histories } = plan;
    const { model, blend, scores, categories, words } = this;
    const leaning = leaningOf(model, histories);
    const known = blend.deviations.weightsFor(blend.known, plan.set!);
    const weights = blend.stack.probedWeights(known, target, leaning);
    this.score(plan, weights, query);
    const slope = (features: Float64Array, weight: number, most: number): number => {
      const by = choice(scores, features).slope;
      // At its bounds it is not to be pushed on.
      return weight === (by > 0 ? 0 : most) ? 0 : by;
    };
    const popularity = slope(this.logs, weights.popularity, MOST_POPULARITY);
    if (popularity !== 0) {
      const stacked = gradientOf(gradients, stackKey(model, target), STACK_ROWS);
      addToStack(stacked, leaning, popularity);
    }
    if (!blend.likeness.isOn) return;
    const compared = gradientOf(gradients, likenessKey(model, target), LIKENESS_ROWS);
    compared[0]! += slope(categories, weights.categories, MOST_LIKENESS);
    compared[1]! += slope(words, weights.words, MOST_LIKENESS);
  }

  /** Learns how the weights that rank deviate from those that are set, by what counts near the top. */
  private deviate(plan: Planned, query: Float32Array, gradients: Map<string, Float32Array>): void {
    const { histories, target, events, set } = plan;
    if (set === null) return;
    const { model, blend, scores, features, sampler } = this;
    const weights = blend.weightsFor(events, target, histories);
    this.score(plan, weights, query);
    this.takeApart(target, weights.saturation);
    const scale = blend.deviations.scaleOf(set);
    for (let i = 0; i < scores.length; i++) scores[i]! *= scale;
    const others = Math.min(MOST_OTHERS, sampler.size) - 1;
    const share = Math.min(1, OTHERS / others);
    const slopes = new Float64Array(DEVIATION_ROWS);
    for (const [p, part] of PARTS.entries()) {
      const weight = weights[part];
      if (weight !== 0) slopes[p] = scale * weight * choice(scores, features[p]!, share).slope;
    }
    // What takes no part has no odds: 0 · -Infinity would be no number.
    const all = scores.map((score) => Math.max(-Number.MAX_VALUE, score));
    slopes[PARTS.length] = choice(scores, all, share).slope;
    const stacked = gradients.get(set.key);
    const gradient = stacked ?? new Float32Array(model.block(set.key).length);
    if (stacked === undefined) gradients.set(set.key, gradient);
    blend.deviations.addTo(gradient, set, slopes);
  }

  /** Writes what the parts of the scores at hand are without their weights. */
  private takeApart(target: number, saturation: number): void {
    const { rows, features, dots, logs, blend } = this;
    const [deep, popularity, lift, walk, cosine, categories, words] = features as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    for (let i = 0; i < rows.length; i++) {
      deep[i] = saturate(dots[i]!, saturation);
      popularity[i] = logs[i]!;
      lift[i] = blend.walk.added(rows[i]!, LIFT);
      walk[i] = blend.walk.added(rows[i]!, WALK);
      cosine[i] = blend.walk.added(rows[i]!, COSINE);
    }
    if (blend.likeness.isOn) blend.likeness.byKind(rows, rows.length, target, categories, words);
    else for (const none of [categories, words]) none.fill(0);
  }

  /** Writes the scores of the rows at hand, and what they are to be learned by. */
  private score(
    { row, target, histories, example }: Planned,
    weights: BlendWeights,
    query: Float32Array,
  ): void {
    const { model, rows, dots, scores, logs, categories, words, blend } = this;
    blend.run(histories, target, weights);
    dotsOfRows(model.items, rows, rows.length, query, example * model.dimension, dots);
    blend.scores(rows, rows.length, target, weights, dots, scores, this.wide);
    if (blend.likeness.isOn) blend.likeness.byKind(rows, rows.length, target, categories, words);
    for (let i = 0; i < rows.length; i++) {
      logs[i] = log1pCount(model.items.counts[rows[i]!]!);
      const drawnAgain = i > 0 && rows[i] === row;
      if (drawnAgain) scores[i] = Number.NEGATIVE_INFINITY;
    }
  }
}

/** The gradient of a block, of zeros where it is new. */
function gradientOf(gradients: Map<string, Float32Array>, key: string, rows: number): Float32Array {
  let gradient = gradients.get(key);
  if (gradient === undefined) {
    gradient = new Float32Array(rows);
    gradients.set(key, gradient);
  }
  return gradient;
}
