import type { RowGradients } from './adagrad.js';
import type { Examples } from './examples.js';
import type { SimdLearning } from './kernels/simd-learning.js';
import type { Model } from './model.js';
import type { Random } from './random.js';
import type { PopularitySampler } from './sampler.js';
import { priorKey } from './tower/keys.js';

/** log((c_j + 1) / (N_t + M_t)): the log of an item's share in its domain's events, smoothed. */
export function logPrior(count: number, events: number, items: number): number {
  return Math.log((count + 1) / (events + Math.max(items, 1)));
}

export interface LossOptions {
  readonly negatives: number;
  readonly sharing: number;
}

export interface LossResult {
  /** Mean over the examples. */
  readonly loss: number;
  /** (examples, d) */
  readonly dQuery: Float32Array;
  /** dLoss/dprior_t by index of the domain. */
  readonly dPrior: Map<number, number>;
}

/**
 * Binary cross-entropy over the positive (label l = 1) and k sampled negatives (l = 0) of each
 * example, of weight w:
 *
 *     s_j = v_j · q + b_j + prior_t log((c_j + 1) / (N_t + M_t))
 *     L   = - w Σ_j [l log σ(s_j - log(k q_j)) + (1 - l) log σ(log(k q_j) - s_j)]
 *
 * with dL/ds_j = w (σ - l). Taking log(k q_j) off makes the best s_j the log-probability of j, whatever
 * it was sampled from (Bengio and Senécal 2008; Gutmann and Hyvärinen 2010); at the start, with v·q
 * and b_j near zero and prior_t = 1, it is that of popularity already. Counts are as of the start of
 * the mini-batch and are taken for constants. A negative that is the positive is left out.
 *
 * Negatives are shared by up to `sharing` examples of one domain: fewer rows are touched, hence smaller
 * deltas. Gradients of embeddings and biases are added to `gradients`; nothing else is mutated. With
 * `kernels`, in whose room the gradients must be then, the sums are theirs.
 */
export function sampledLoss(
  model: Model,
  examples: Examples,
  query: Float32Array,
  options: LossOptions,
  sampler: PopularitySampler,
  random: Random,
  gradients: RowGradients,
  kernels: SimdLearning | null = null,
): LossResult {
  const dQuery = kernels?.beginLoss(query) ?? new Float32Array(query.length);
  const dPrior = new Map<number, number>();
  let loss = 0;
  for (const [target, members] of byTarget(examples)) {
    sampler.turnTo(target);
    if (sampler.size === 0) continue;
    const domain = new DomainLoss(model, target, options.negatives, sampler, random, gradients);
    for (let start = 0; start < members.length; start += options.sharing) {
      const group = members.slice(start, start + options.sharing);
      if (kernels === null) domain.group(examples, group, query, dQuery);
      else domain.groupBy(kernels, examples, group);
    }
    loss += domain.loss;
    dPrior.set(target, domain.dPrior);
  }
  return { loss: examples.count === 0 ? 0 : loss / examples.count, dQuery, dPrior };
}

function byTarget(examples: Examples): Map<number, number[]> {
  const groups = new Map<number, number[]>();
  for (let e = 0; e < examples.count; e++) {
    const target = examples.targets[e]!;
    const members = groups.get(target);
    if (members === undefined) groups.set(target, [e]);
    else members.push(e);
  }
  return groups;
}

class DomainLoss {
  loss = 0;
  dPrior = 0;
  /** 1 if anything is known of the user at hand; else embeddings are not touched for good or ill. */
  private touch = 0;
  private readonly model: Model;
  private readonly negatives: number;
  private readonly sampler: PopularitySampler;
  private readonly random: Random;
  private readonly gradients: RowGradients;
  private readonly prior: number;
  private readonly events: number;
  private readonly drawn: Int32Array;
  private readonly places: Int32Array;
  /** b_j + prior_t logPrior_j - log(k q_j), the part of the logit that is not v_j · q. */
  private readonly offsets: Float64Array;
  private readonly logPriors: Float64Array;

  constructor(
    model: Model,
    target: number,
    negatives: number,
    sampler: PopularitySampler,
    random: Random,
    gradients: RowGradients,
  ) {
    this.model = model;
    this.negatives = negatives;
    this.sampler = sampler;
    this.random = random;
    this.gradients = gradients;
    this.prior = model.block(priorKey(model, target))[0]!;
    this.events = model.eventsOf(target);
    this.drawn = new Int32Array(negatives + 1);
    this.places = new Int32Array(negatives + 1);
    this.offsets = new Float64Array(negatives + 1);
    this.logPriors = new Float64Array(negatives + 1);
  }

  /** Examples that share their negatives; candidate 0 is the positive, each example's own. */
  group(
    examples: Examples,
    members: readonly number[],
    query: Float32Array,
    dQuery: Float32Array,
  ): void {
    const { drawn, negatives } = this;
    for (let n = 1; n <= negatives; n++) {
      drawn[n] = this.sampler.draw(this.random);
      this.prepare(n);
    }
    for (const example of members) {
      const positive = examples.rows[example]!;
      drawn[0] = positive;
      this.prepare(0);
      const weight = examples.weights[example]!;
      this.touch = examples.slotsOf[example]! > 0 ? 1 : 0;
      this.candidate(0, 1, weight, example, query, dQuery);
      for (let n = 1; n <= negatives; n++) {
        if (drawn[n] !== positive) this.candidate(n, 0, weight, example, query, dQuery);
      }
    }
  }

  /** As `group`, by kernels, which have the queries. */
  groupBy(kernels: SimdLearning, examples: Examples, group: readonly number[]): void {
    const { drawn, places, offsets, logPriors, negatives } = this;
    const { ints, floats, members } = kernels;
    const n4 = (negatives + 3) & ~3;
    for (let n = 1; n <= negatives; n++) {
      drawn[n] = this.sampler.draw(this.random);
      this.prepare(n);
    }
    for (let n = 0; n < n4; n++) {
      const at = kernels.drawn + n;
      const real = n < negatives;
      ints[at] = real ? drawn[n + 1]! : -1;
      ints[at + n4] = real ? places[n + 1]! : 0;
      floats[at + n4 * 2] = real ? offsets[n + 1]! : 0;
      floats[at + n4 * 3] = real ? logPriors[n + 1]! : 0;
    }
    const m = group.length;
    for (let i = 0; i < m; i++) {
      const example = group[i]!;
      const at = members + i;
      drawn[0] = examples.rows[example]!;
      this.prepare(0);
      ints[at] = example;
      ints[at + m] = drawn[0]!;
      ints[at + m * 2] = places[0]!;
      floats[at + m * 3] = offsets[0]!;
      floats[at + m * 4] = logPriors[0]!;
      floats[at + m * 5] = examples.weights[example]!;
      floats[at + m * 6] = examples.slotsOf[example]! > 0 ? 1 : 0;
    }
    const [loss, dPrior] = kernels.lossGroup(m, negatives);
    this.loss += loss;
    this.dPrior += dPrior;
  }

  private prepare(n: number): void {
    const row = this.drawn[n]!;
    const count = this.model.items.counts[row]!;
    const prior = logPrior(count, this.events, this.sampler.size);
    this.logPriors[n] = prior;
    this.offsets[n] =
      this.model.items.biases[row]! +
      this.prior * prior -
      Math.log(this.negatives * this.sampler.probability(count));
    this.places[n] = this.gradients.place(row);
  }

  private candidate(
    n: number,
    label: 0 | 1,
    weight: number,
    example: number,
    query: Float32Array,
    dQuery: Float32Array,
  ): void {
    const { dimension: d, values, touches } = this.gradients;
    const { embeddings } = this.model.items;
    const at = this.drawn[n]! * d;
    const from = example * d;
    let logit = this.offsets[n]!;
    for (let k = 0; k < d; k++) logit += embeddings[at + k]! * query[from + k]!;
    const odds = Math.exp(-Math.abs(logit));
    const sigma = logit >= 0 ? 1 / (1 + odds) : odds / (1 + odds);
    const against = label === 1 ? -logit : logit;
    this.loss += weight * (Math.max(against, 0) + Math.log1p(odds));
    const gradient = weight * (sigma - label);
    const place = this.places[n]!;
    touches[place]! += this.touch;
    const to = place * (d + 1);
    for (let k = 0; k < d; k++) {
      values[to + k]! += gradient * query[from + k]!;
      dQuery[from + k]! += gradient * embeddings[at + k]!;
    }
    values[to + d]! += gradient;
    this.dPrior += gradient * this.logPriors[n]!;
  }
}
