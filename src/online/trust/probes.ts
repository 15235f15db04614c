import { Blend, type BlendWeights } from '../blend/blend.js';
import type { BlendOptions } from '../blend/options.js';
import { dotsOfRows } from '../kernels/simd-dots.js';
import type { MiniBatch } from '../minibatch.js';
import type { Model } from '../model.js';
import type { Outcome, ScoringParts } from '../probe-parts.js';
import type { Random } from '../random.js';
import type { PopularitySampler } from '../sampler.js';
import type { PastEvents, QueryBatch } from '../serving/queries.js';
import type { TrustProbe } from './trust.js';

/** One event in so many is looked at while its domain has had few, and later: a probe costs as much as a list. */
const ONE_IN_EARLY = 16;
const ONE_IN = 64;
/** Events of a domain that are few. */
const FEW = 4000;
/** One in so many of these where it is sure what will come of it. */
const ONE_IN_SURE = 4;
/** Items of the domain that its item is ranked among, drawn as negatives are. */
const OTHERS = 100;

/** A list's view of an event: what it looks at, and its query; -1: none, it looks at nothing. */
interface View {
  readonly histories: readonly PastEvents[];
  readonly example: number;
}

/** An event to be ranked with what its user did in s, and without. */
interface Planned {
  readonly row: number;
  readonly source: number;
  readonly target: number;
  readonly newcomer: boolean;
  readonly weights: BlendWeights;
  readonly with: View;
  readonly without: View;
}

/**
 * Ranks some events of a mini-batch among others of their domain, by the score of lists, with and
 * without what their users did in one of their other domains s (which is drawn), before they are learned. Half of
 * the time it is done as if the user were new in t, with s alone against nothing: that is what matters most and
 * what there are few events of. The gain is that in 1 / log2(rank + 2).
 */
export class TrustProbing {
  private readonly model: Model;
  private readonly sampler: PopularitySampler;
  private readonly blend: Blend;
  private readonly rows = new Int32Array(OTHERS + 1);
  private readonly dots = new Float32Array(OTHERS + 1);
  private readonly scores = new Float64Array(OTHERS + 1);
  private readonly wide = new Float64Array(OTHERS + 1);

  constructor({ model, sampler }: ScoringParts, blend: Partial<BlendOptions>) {
    this.model = model;
    this.sampler = sampler;
    this.blend = new Blend(model, blend);
  }

  /** All that is drawn comes from `random`; nothing but `queries` is mutated. */
  plan(batch: MiniBatch, queries: QueryBatch, random: Random): Outcome<TrustProbe[]> {
    const planned: Planned[] = [];
    for (let event = 0; event < batch.count; event++) {
      const few = this.model.eventsOf(batch.domains[event]!) < FEW;
      if (random.below(few ? ONE_IN_EARLY : ONE_IN) !== 0) continue;
      const plan = this.planEvent(batch, event, queries, random);
      if (plan !== null) planned.push(plan);
    }
    return (query) => this.judge(planned, query, random);
  }

  private judge(planned: readonly Planned[], query: Float32Array, random: Random): TrustProbe[] {
    const probes: TrustProbe[] = [];
    for (const plan of planned) {
      const { source, target, newcomer } = plan;
      if (!this.draw(plan, random)) continue;
      const gain = this.gainOf(plan, plan.with, query) - this.gainOf(plan, plan.without, query);
      probes.push({ source, target, newcomer, gain });
    }
    return probes;
  }

  private planEvent(
    batch: MiniBatch,
    event: number,
    queries: QueryBatch,
    random: Random,
  ): Planned | null {
    const [row, target] = [batch.rows[event]!, batch.domains[event]!];
    const histories = batch.historiesOf(event);
    const others = histories.filter(({ domain }) => domain !== target);
    if (others.length === 0) return null;
    const chosen = others[random.below(others.length)]!;
    const own = histories.find(({ domain }) => domain === target);
    const newcomer = own === undefined || random.below(2) === 0;
    const { trust } = this.blend;
    const isSure = trust.isSure(chosen.domain, target, newcomer);
    if (isSure && random.below(ONE_IN_SURE) > 0) return null;
    const rest = newcomer
      ? []
      : histories.filter((one) => one !== chosen && trust.of(one.domain, target, false));
    const looked = [...rest, chosen];
    const { from, to } = queries.addHistories(looked, batch.times[event]!);
    const all = { histories: looked, example: queries.addTarget({ from, to }, target) };
    const example = rest.length === 0 ? -1 : queries.addTarget({ from, to: to - 1 }, target);
    const weights = this.blend.weightsFor(newcomer ? 0 : (own?.count ?? 0), target, looked);
    const without = { histories: rest, example };
    return { row, source: chosen.domain, target, newcomer, weights, with: all, without };
  }

  /** Draws the items that an event's is ranked among; false if there are none, or the item is not known. */
  private draw({ row, target }: Planned, random: Random): boolean {
    const { sampler } = this;
    sampler.turnTo(target);
    if (sampler.size < 2 || !(this.model.items.counts[row]! > 0)) return false;
    this.rows[0] = row;
    for (let i = 1; i <= OTHERS; i++) this.rows[i] = sampler.draw(random);
    return true;
  }

  /** 1 / log2(rank + 2) of the event's item; equal scores count against it. */
  private gainOf({ target, weights }: Planned, view: View, query: Float32Array): number {
    const { model, rows, dots, scores, blend } = this;
    blend.run(view.histories, target, weights);
    if (view.example < 0) dots.fill(0);
    else dotsOfRows(model.items, rows, rows.length, query, view.example * model.dimension, dots);
    blend.scores(rows, rows.length, target, weights, dots, scores, this.wide);
    const truth = scores[0]!;
    let rank = 0;
    for (let i = 1; i < rows.length; i++) if (rows[i] !== rows[0] && scores[i]! >= truth) rank++;
    return 1 / Math.log2(rank + 2);
  }
}
