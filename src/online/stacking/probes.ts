import { Blend, type BlendWeights } from '../blend/blend.js';
import type { BlendOptions } from '../blend/options.js';
import { dotsOfRows } from '../kernels/simd-dots.js';
import type { MiniBatch } from '../minibatch.js';
import type { Model } from '../model.js';
import type { ScoringParts } from '../probe-parts.js';
import type { Random } from '../random.js';
import type { PopularitySampler } from '../sampler.js';
import { log1pCount } from '../serving/priors.js';
import { type PastEvents, QueryBatch } from '../serving/queries.js';
import type { Tower } from '../types.js';
import { choice } from './choice.js';
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
/** Events of a domain that are few. */
const FEW = 2000;
/** Items of the domain that its item is compared with, all alike. */
const OTHERS = 50;

/** An event to be compared with others of its domain. */
interface Planned {
  readonly row: number;
  readonly target: number;
  /** What a list would look at, and its number in the batch of queries. */
  readonly histories: readonly PastEvents[];
  readonly example: number;
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
  private readonly tower: Tower;
  private readonly queries: QueryBatch;
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

  constructor({ model, tower, encoder, sampler }: ScoringParts, blend: Partial<BlendOptions>) {
    this.model = model;
    this.tower = tower;
    this.sampler = sampler;
    this.blend = new Blend(model, blend);
    this.queries = new QueryBatch(model, encoder, this.blend.isFitted);
  }

  /** Gradients by key of the block. All that is drawn comes from `random`; nothing is mutated. */
  probe(batch: MiniBatch, random: Random): Map<string, Float32Array> {
    const { queries } = this;
    queries.clear();
    const planned: Planned[] = [];
    for (let event = 0; event < batch.count; event++) {
      const few = this.model.eventsOf(batch.domains[event]!) < FEW;
      if (random.below(few ? ONE_IN_EARLY : ONE_IN) !== 0) continue;
      const plan = this.plan(batch, event, queries);
      if (plan !== null) planned.push(plan);
    }
    const gradients = new Map<string, Float32Array>();
    if (planned.length === 0) return gradients;
    const { query } = queries.run(this.tower);
    for (const plan of planned) {
      if (this.draw(plan, random)) this.add(plan, query, gradients);
    }
    return gradients;
  }

  private plan(batch: MiniBatch, event: number, queries: QueryBatch): Planned | null {
    const [row, target] = [batch.rows[event]!, batch.domains[event]!];
    if (!(this.model.items.counts[row]! > 0)) return null;
    const all = batch.historiesOf(event);
    const own = all.find(({ domain }) => domain === target);
    if (own === undefined || Array.from(own.rows).includes(row)) return null;
    const { trust } = this.blend;
    const histories = all.filter((one) => trust.of(one.domain, target, false));
    const range = queries.addHistories(histories, batch.times[event]!);
    return { row, target, histories, example: queries.addTarget(range, target) };
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
    const weights = blend.stack.probedWeights(blend.known, target, leaning);
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
