import type { BlendOptions } from './blend/options.js';
import { type Drift, watchDrift } from './drift/drift.js';
import type { DriftOptions } from './drift/options.js';
import { DriftProbing, type ProbeOptions } from './drift/probes.js';
import { compareHalfLives } from './encoders/half-life.js';
import { compareWays } from './fitting/ways.js';
import type { MiniBatch } from './minibatch.js';
import type { Model } from './model.js';
import type { ScoringParts } from './probe-parts.js';
import { Random, type SeedPart } from './random.js';
import { QueryBatch } from './serving/queries.js';
import { StackProbing } from './stacking/probes.js';
import { TrustProbing } from './trust/probes.js';
import { weighProbes } from './trust/trust.js';
import type { BlockDelta, Tower } from './types.js';

type ProbingOptions = ProbeOptions & DriftOptions & BlendOptions & { stackLearningRate: number };

/** What a mini-batch told before it was learned. */
export interface Probed {
  /** What it adds to sums of the model. */
  readonly blocks: readonly BlockDelta[];
  /** Where losses went up. */
  readonly drifts: readonly Drift[];
  /** By key of the block: of the loss, by what is learned of the blend. */
  readonly gradients: ReadonlyMap<string, Float32Array>;
}

/**
 * Looks at some events of a mini-batch as the model foresees them before it learns them: for drifts, half-lives and
 * ways (drift/probes.ts), for whether domains help in one another (trust/probes.ts), and for the weights of the blend
 * (stacking/probes.ts).
 */
export class Probing {
  private readonly model: Model;
  private readonly tower: Tower;
  private readonly options: ProbingOptions;
  private readonly queries: QueryBatch;
  private readonly drifting: DriftProbing;
  private readonly trusting: TrustProbing;
  private readonly stacking: StackProbing;

  constructor(parts: ScoringParts, options: ProbingOptions) {
    this.model = parts.model;
    this.tower = parts.tower;
    this.options = options;
    this.queries = new QueryBatch(parts.model, parts.encoder, options.fitMemory > 0);
    this.drifting = new DriftProbing(parts, options);
    this.trusting = new TrustProbing(parts, options);
    this.stacking = new StackProbing(parts, options);
  }

  /** `place` names the mini-batch: it seeds all that is drawn. Nothing is mutated. */
  probe(batch: MiniBatch, place: readonly SeedPart[]): Probed {
    const { model, queries, options } = this;
    const randomOf = (what: string): Random => Random.of(what, model.options.seed, ...place);
    const { driftBoost, halfLifeDays, fitMemory, distrust, stackLearningRate } = options;
    const isWatched = driftBoost > 0 || halfLifeDays === 'auto' || fitMemory > 0;
    queries.clear();
    const watch = isWatched ? this.drifting.plan(batch, queries, randomOf('probe')) : null;
    const weigh = distrust > 0 ? this.trusting.plan(batch, queries, randomOf('trust')) : null;
    const stack =
      stackLearningRate > 0
        ? this.stacking.plan(batch, queries, randomOf('stack'), randomOf('newcomers'))
        : null;
    const { query } = queries.run(this.tower);
    const blocks: BlockDelta[] = [];
    let drifts: readonly Drift[] = [];
    if (watch !== null) {
      const { drift, halfLife, ways } = watch(query);
      const watched = watchDrift(model, driftBoost > 0 ? drift : [], options);
      blocks.push(...watched.blocks);
      blocks.push(...compareHalfLives(model, halfLife), ...compareWays(model, ways));
      drifts = watched.drifts;
    }
    if (weigh !== null) blocks.push(...weighProbes(model, weigh(query)));
    return { blocks, drifts, gradients: stack?.(query) ?? new Map() };
  }
}
