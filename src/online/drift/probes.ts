import type { BlendOptions } from '../blend/options.js';
import type { DecayOptions } from '../encoders/decay.js';
import { HALF_LIVES, type HalfLifeProbe } from '../encoders/half-life.js';
import type { WayProbe } from '../fitting/ways.js';
import { dotsOfRows } from '../kernels/simd-dots.js';
import { logPrior } from '../loss.js';
import type { MiniBatch } from '../minibatch.js';
import type { Model } from '../model.js';
import type { Outcome, ScoringParts } from '../probe-parts.js';
import type { Random } from '../random.js';
import type { PopularitySampler } from '../sampler.js';
import { log1pCount } from '../serving/priors.js';
import type { PastEvents, QueryBatch } from '../serving/queries.js';
import { priorKey } from '../tower/keys.js';

/** One event in so many is probed. */
const ONE_IN = 16;
/** So many of its user's other domains are looked at alone, at the most. */
const MOST_SOURCES = 2;

/** Half-lives are compared for so many of its user's histories, at the most. */
const MOST_FADING = 2;

/** How well an event was foreseen before it was learned. */
export interface Probe {
  /** Index of the domain whose history was looked at alone; the target's own: all that was known. */
  readonly source: number;
  /** Index of the domain of the event. */
  readonly target: number;
  /** In nats; above 0: worse than by popularity. */
  readonly loss: number;
}

/** Half-lives are compared where they are learned (`auto`); fading has to get through the decay by weight. */
export interface ProbeOptions
  extends DecayOptions,
    Pick<BlendOptions, 'fitMemory' | 'blendDeep' | 'blendPopularity' | 'blendBias'> {
  /** k */
  readonly negatives: number;
}

/** What probes came to. */
export interface Probes {
  readonly drift: readonly Probe[];
  /** Empty unless half-lives are learned. */
  readonly halfLife: readonly HalfLifeProbe[];
  /** Empty unless mappings are fitted. */
  readonly ways: readonly WayProbe[];
}

/** A probed event, and which examples of the batch of queries are its. */
interface Planned {
  /** Row of the item. */
  readonly row: number;
  readonly target: number;
  readonly examples: readonly Seen[];
  readonly fading: readonly Fading[];
}

/** An event as foreseen from all histories, or from that in another domain alone. */
interface Seen {
  readonly source: number;
  readonly example: number;
  /** The same through M; -1: it is not looked at. */
  readonly fitted: number;
}

/** One of the histories of an event without fading, and with each half-life. */
interface Fading {
  readonly source: number;
  readonly never: number;
  readonly faded: readonly number[];
}

/**
 * Foresees some of the events of a mini-batch with the model as it stands. The loss of an event of item
 * j, seen from the histories of its user in all domains, and in each other domain s alone, is
 *
 *     log Σ_i exp(s_i - s_j) - log Σ_i exp(p_i - p_j)      over i: j and k negatives
 *
 * with s the logits of training (loss.ts, log(k q) taken off) and p those of popularity: what the
 * embeddings lose beside popularity on the same items. So it is moved neither by a change of what is popular
 * nor by how hard the items are to tell apart. Unlike the samples of Prequential, probes are there however far behind
 * a task is: what is learned may depend on them. From each other domain alone it is ranked as well, through M beside A
 * (fitting/ways.ts).
 */
export class DriftProbing {
  private readonly options: ProbeOptions;
  private readonly scorer: ProbeScorer;

  constructor(parts: ScoringParts, options: ProbeOptions) {
    this.options = options;
    this.scorer = new ProbeScorer(parts, options);
  }

  /** Events and negatives are drawn from `random`; nothing but `queries` is mutated. */
  plan(batch: MiniBatch, queries: QueryBatch, random: Random): Outcome<Probes> {
    const planned: Planned[] = [];
    for (let event = 0; event < batch.count; event++) {
      if (random.below(ONE_IN) === 0) planned.push(this.planEvent(batch, event, queries, random));
    }
    return (query) => this.judge(planned, query, random);
  }

  private judge(planned: readonly Planned[], query: Float32Array, random: Random): Probes {
    const { scorer } = this;
    const [drift, halfLife, ways]: [Probe[], HalfLifeProbe[], WayProbe[]] = [[], [], []];
    for (const { row, target, examples, fading } of planned) {
      if (examples.length === 0 || !scorer.draw(row, target, random)) continue;
      for (const { source, example, fitted } of examples) {
        scorer.look(query, example);
        drift.push({ source, target, loss: scorer.loss() });
        if (fitted < 0) continue;
        const mapped = scorer.place();
        scorer.look(query, fitted);
        ways.push({ source, target, gain: scorer.place() - mapped });
      }
      const lossOf = (each: number): number => {
        scorer.look(query, each);
        return scorer.loss();
      };
      for (const { source, never, faded } of fading) {
        const loss = lossOf(never);
        halfLife.push({ source, gains: faded.map((each) => loss - lossOf(each)) });
      }
    }
    return { drift, halfLife, ways };
  }

  private planEvent(batch: MiniBatch, event: number, queries: QueryBatch, random: Random): Planned {
    const [row, target] = [batch.rows[event]!, batch.domains[event]!];
    const now = batch.times[event]!;
    const histories = batch.historiesOf(event);
    const { from, to } = queries.addHistories(histories, now);
    if (from === to) return { row, target, examples: [], fading: [] };
    const all = queries.addTarget({ from, to }, target, undefined, false);
    const examples: Seen[] = [{ source: target, example: all, fitted: -1 }];
    const { fitMemory } = this.options;
    const first = random.below(histories.length);
    for (let i = 0; i < histories.length && examples.length <= MOST_SOURCES; i++) {
      const slot = (first + i) % histories.length;
      const source = histories[slot]!.domain;
      if (source === target) continue;
      const alone = { from: from + slot, to: from + slot + 1 };
      const example = queries.addTarget(alone, target, undefined, false);
      const fitted = fitMemory > 0 ? queries.addTarget(alone, target, undefined, true) : -1;
      examples.push({ source, example, fitted });
    }
    const comparesHalfLives = this.options.halfLifeDays === 'auto';
    const compared = comparesHalfLives ? Math.min(MOST_FADING, histories.length) : 0;
    const fading = Array.from({ length: compared }, (_, i) =>
      this.fade(histories[(first + i) % histories.length]!, now, target, queries),
    );
    return { row, target, examples, fading };
  }

  /** The history as it is, and faded beforehand, so that whatever half-life is in force adds nothing. */
  private fade(history: PastEvents, nowMs: number, target: number, queries: QueryBatch): Fading {
    const seen = (halfLifeDays: number): number => {
      const fadedDays = halfLifeDays * this.options.weightExponent;
      const faded = queries.addFaded(history, nowMs, fadedDays);
      return queries.addTarget(faded, target, undefined, false);
    };
    return { source: history.domain, never: seen(0), faded: HALF_LIVES.map(seen) };
  }
}

/** The event's item, at place 0, and negatives to tell it from. */
class ProbeScorer {
  private readonly model: Model;
  private readonly sampler: PopularitySampler;
  private readonly negatives: number;
  private readonly options: ProbeOptions;
  private readonly rows: Int32Array;
  private readonly dots: Float32Array;
  /** What is added to v_i · q. */
  private readonly offsets: Float64Array;
  private readonly logits: Float64Array;
  private popularityLoss = 0;

  constructor({ model, sampler }: ScoringParts, options: ProbeOptions) {
    const { negatives } = options;
    this.model = model;
    this.sampler = sampler;
    this.options = options;
    this.negatives = negatives;
    const length = negatives + 1;
    this.rows = new Int32Array(length);
    this.dots = new Float32Array(length);
    this.offsets = new Float64Array(length);
    this.logits = new Float64Array(length);
  }

  /** Takes an item, and draws from its domain; false if there is nothing to draw. */
  draw(row: number, domain: number, random: Random): boolean {
    const { model, sampler, negatives } = this;
    sampler.turnTo(domain);
    if (sampler.size === 0) return false;
    this.rows[0] = row;
    for (let i = 1; i <= negatives; i++) this.rows[i] = sampler.draw(random);
    const { counts, biases } = model.items;
    const weight = model.block(priorKey(model, domain))[0]!;
    const events = model.eventsOf(domain);
    const popularity = new Float64Array(negatives + 1);
    for (let i = 0; i <= negatives; i++) {
      const item = this.rows[i]!;
      const prior = logPrior(counts[item]!, events, sampler.size);
      const drawn = Math.log(negatives * sampler.probability(counts[item]!));
      popularity[i] = prior - drawn;
      this.offsets[i] = biases[item]! + weight * prior - drawn;
    }
    this.popularityLoss = this.softmaxLoss(popularity);
    return true;
  }

  /** Takes what an example says of what was drawn. */
  look(query: Float32Array, example: number): void {
    const { model, rows, dots } = this;
    dotsOfRows(model.items, rows, rows.length, query, example * model.dimension, dots);
  }

  loss(): number {
    const { dots, offsets, logits } = this;
    for (let i = 0; i < logits.length; i++) logits[i] = offsets[i]! + dots[i]!;
    return this.softmaxLoss(logits) - this.popularityLoss;
  }

  /** 1 / log2(rank + 2) of the item by embeddings, bias and popularity, without saturation, which hides how far they are apart; equal scores count against it. */
  place(): number {
    const { model, rows, dots, logits } = this;
    const { blendDeep, blendPopularity, blendBias } = this.options;
    const { counts, biases } = model.items;
    let rank = 0;
    for (let i = 0; i < logits.length; i++) {
      const row = rows[i]!;
      const score = blendDeep * dots[i]! + blendBias * biases[row]!;
      logits[i] = score + blendPopularity * log1pCount(counts[row]!);
      if (i > 0 && row !== rows[0] && logits[i]! >= logits[0]!) rank++;
    }
    return 1 / Math.log2(rank + 2);
  }

  /** A negative that is the item itself is left out. */
  private softmaxLoss(logits: Float64Array): number {
    const { rows } = this;
    let largest = logits[0]!;
    for (const logit of logits) if (logit > largest) largest = logit;
    let sum = Math.exp(logits[0]! - largest);
    for (let i = 1; i < logits.length; i++) {
      if (rows[i] !== rows[0]) sum += Math.exp(logits[i]! - largest);
    }
    return largest - logits[0]! + Math.log(sum);
  }
}
