import { type GradientRoom, RowGradients, type RowStep, rowStep, shorten } from './adagrad.js';
import type { Block, BlockRole } from './blocks.js';
import { ContentTraining } from './content/training.js';
import { type Drift, stepBoost } from './drift/drift.js';
import type { Encoder, EncoderPass, Histories } from './encoders/encoder.js';
import { encoderNamed } from './encoders/index.js';
import { encoderParameters } from './encoders/parameters.js';
import { ExampleMaker, type Examples } from './examples.js';
import { Fitting, type OverlappingSource } from './fitting/fitting.js';
import { simdEntries } from './kernels/simd-entries.js';
import { type SimdLearning, simdLearning } from './kernels/simd-learning.js';
import { sampledLoss } from './loss.js';
import type { MiniBatch } from './minibatch.js';
import type { Model } from './model.js';
import { DEFAULT_LEARNER_OPTIONS, type LearnerOptions } from './options.js';
import { Probing } from './probing.js';
import { Random, type SeedPart } from './random.js';
import { RepeatCounting } from './repeats/repeats.js';
import { PopularitySampler } from './sampler.js';
import { priorKey } from './tower/keys.js';
import { Trust } from './trust/trust.js';
import type { BlockDelta, Delta, NeighbourDelta, Tower, TowerInput } from './types.js';
import { PairCounting, type Share } from './wide/counting.js';
import { neighbourDelta } from './wide/pairs.js';

export { DEFAULT_LEARNER_OPTIONS, type LearnerOptions };

/** All that there is: of a learner that has no others beside it. */
const WHOLE: Share = { partition: 0, partitions: 1 };

const NOBODY: OverlappingSource = { drawOverlapping: () => undefined };

/**
 * A matrix takes a step with probability n / 32 where fewer than 32 slots of the mini-batch met it: a
 * step writes all of it, and with many domains and small mini-batches that would be most of a delta.
 */
const FULL_STEP = 32;

/**
 * A step of W_c moves all items of a domain at once, and the first ones much alike: longer ones than this (in root
 * mean square) have taken small catalogues so far that gradients grew without end. The default's are below it.
 */
const LONGEST_CONTENT_STEP = 1 / 32;

/** What those of deviations of a blend start from: many probes are needed for a step that tells. */
const DEVIATION_START = 100;

/** What the accumulators of scalars start from. */
const SCALAR_START = 0.1;

export interface Learned {
  readonly delta: Delta;
  /** Mean loss of an example; 0 without examples. */
  readonly loss: number;
  /** Positives trained, replayed ones included. */
  readonly examples: number;
  /** Where losses went up. */
  readonly drifts: readonly Drift[];
}

/**
 * Learns mini-batches: computes what they add to a model, and adds nothing itself. The delta depends
 * on the model's tables and seed, the mini-batch, the options and the place alone; all events of a mini-batch see
 * the weights as of its start.
 *
 *     const batch = new MiniBatch(model);
 *     batch.add(user, row, 1); // before user.push(row, domain, 1, occurredAtMs)
 *     const { delta } = learner.learn(batch, [topic, partition, firstOffset]);
 *     model.apply(delta);
 */
export class Learner {
  readonly model: Model;
  readonly tower: Tower;
  readonly options: LearnerOptions;
  readonly encoder: Encoder;
  readonly sampler: PopularitySampler;
  private readonly gradients: RowGradients;
  private readonly kernels: SimdLearning | null;
  private readonly content: ContentTraining;
  private readonly examples: ExampleMaker;
  private readonly probing: Probing;
  private readonly fitting: Fitting;
  private readonly counting: PairCounting;
  private readonly repeats: RepeatCounting;
  private readonly blockOptions: ReturnType<typeof blockOptionsOf>;

  /** Where the model's table is one of SIMD kernels, they do the sums, unless `plain` says otherwise. */
  constructor(
    model: Model,
    tower: Tower,
    options: Partial<LearnerOptions> = {},
    { plain = false } = {},
  ) {
    this.model = model;
    this.tower = tower;
    this.options = Object.freeze({ ...DEFAULT_LEARNER_OPTIONS, ...options });
    if (model.dimension !== this.options.dimension) {
      throw new RangeError(
        `The model's dimension is ${model.dimension}, the learner's ${this.options.dimension}`,
      );
    }
    this.encoder = encoderNamed(this.options.encoder, this.options);
    const { popularityExponent, uniformNegatives } = this.options;
    this.sampler = new PopularitySampler(model, popularityExponent, uniformNegatives);
    this.gradients = new RowGradients(model.dimension);
    this.kernels = plain ? null : simdLearning(model.items);
    this.content = new ContentTraining(model, this.options);
    const entries = this.kernels === null ? null : simdEntries();
    const trust = new Trust(model, this.options.distrust);
    this.examples = new ExampleMaker(this.options, entries ?? undefined, trust);
    this.probing = new Probing(this, this.options);
    this.fitting = new Fitting(this, this.options);
    this.counting = new PairCounting(model, this.options);
    this.repeats = new RepeatCounting(model);
    this.blockOptions = blockOptionsOf(this.options);
  }

  /**
   * `place` names the mini-batch, as topic, partition and first offset: it seeds all that is drawn.
   * `share` says which items' neighbours this learner may evict, where there are others beside it. Mappings are fitted
   * by some of `users`.
   */
  learn(
    batch: MiniBatch,
    place: readonly SeedPart[],
    share: Share = WHOLE,
    users: OverlappingSource = NOBODY,
  ): Learned {
    const { model, options, gradients, kernels } = this;
    const random = Random.of('learn', model.options.seed, ...place);
    model.settle();
    const probed = this.probing.probe(batch, place);
    const records = [
      ...probed.blocks,
      ...this.repeats.count(batch),
      ...this.fitting.steps(batch.count, users, Random.of('fit', model.options.seed, ...place)),
    ];
    const content = this.content.isOn ? this.content : null;
    const examples = this.examples.make(batch, random);
    content?.begin(place);
    gradients.begin(model.items.size, this.roomFor(batch, examples), content?.meet);
    content?.meetAll(examples.histories);
    for (let event = 0; event < batch.count; event++) {
      gradients.counts[gradients.place(batch.rows[event]!)]!++;
    }
    const plain = encoderParameters(model, this.tower);
    const parameters =
      kernels === null ? plain : { ...plain, mean: (of: Histories) => this.mean(kernels, of) };
    const encoded = this.encoder.forward(examples.histories, parameters);
    const input: TowerInput = {
      examples: examples.count,
      targets: examples.targets,
      slots: examples.histories.slots,
      slotExample: examples.slotExample,
      slotSource: examples.histories.sources,
      slotEvidence: examples.slotEvidence,
      x: encoded.x,
    };
    if (examples.count === 0) {
      const delta = { events: batch.size, items: this.itemSteps(0), blocks: [] };
      this.finish(content);
      return { delta, loss: 0, examples: 0, drifts: [] };
    }
    const pass = this.tower.forward(input, model);
    try {
      const { loss, dQuery, dPrior } = sampledLoss(
        model,
        examples,
        pass.query,
        options,
        this.sampler,
        random,
        gradients,
        kernels,
      );
      const { dx, blocks } = pass.backward(
        dQuery,
        (key, slots) =>
          slots >= FULL_STEP ||
          Random.of('step', model.options.seed, ...place, key).float() * FULL_STEP < slots,
      );
      const { rows } = examples.histories;
      const own = encoded.backward(dx, (entry, scale, values, at) => {
        gradients.add(rows[entry]!, scale, values, at);
      });
      for (const [key, gradient] of own) blocks.set(key, gradient);
      for (const [target, gradient] of dPrior) {
        blocks.set(priorKey(model, target), Float32Array.of(gradient));
      }
      const trained = gradients.length;
      for (const [key, gradient] of content?.turn(gradients, trained) ?? [])
        blocks.set(key, gradient);
      for (const [key, gradient] of probed.gradients) blocks.set(key, gradient);
      const neighbours = this.neighbours(batch, share);
      const delta: Delta = {
        events: batch.size,
        items: this.itemSteps(trained),
        blocks: [...this.blockSteps(blocks, examples.count), ...records],
        ...neighbours,
      };
      return { delta, loss, examples: examples.count, drifts: probed.drifts };
    } finally {
      pass.dispose();
      this.finish(content);
    }
  }

  private finish(content: ContentTraining | null): void {
    content?.finish(this.gradients);
    this.gradients.finish();
    this.kernels?.finish();
  }

  /** Room in the kernels' memory for the gradients of all rows that the examples can touch. */
  private roomFor(batch: MiniBatch, examples: Examples): GradientRoom | undefined {
    const { negatives, sharing } = this.options;
    const groups = Math.ceil(examples.count / sharing) + this.model.domainCount;
    const rows = batch.count + groups * negatives + batch.entries;
    return this.kernels?.begin({
      rows: Math.min(rows, this.model.items.size),
      examples: examples.count,
      slots: examples.histories.slots,
      entries: examples.histories.rows.length,
      negatives,
      sharing,
    });
  }

  private mean(kernels: SimdLearning, histories: Histories): EncoderPass<Float32Array> {
    return {
      x: kernels.pool(histories),
      backward: (dx) => {
        kernels.poolBack(histories, dx, this.gradients);
        return new Map();
      },
    };
  }

  /** Items that are only counted beside others get places behind those that are trained. */
  private neighbours(batch: MiniBatch, share: Share): { neighbours?: NeighbourDelta } {
    const { gradients, counting } = this;
    counting.count(batch, share, (row) => gradients.place(row));
    return neighbourDelta(counting.both, counting.oneWay, gradients.length);
  }

  /** Of all rows that have a place; the first `trained` have gradients. */
  private itemSteps(trained: number): Delta['items'] {
    const { model, gradients, options } = this;
    const { embeddings, biases, accumulators } = model.items;
    const { length, rows, values: steps, touches } = gradients;
    const d = model.dimension;
    const keys: string[] = new Array<string>(length);
    const values = new Int32Array(length * (d + 1));
    const added = new Float64Array(length * 2);
    const { learningRate, biasLearningRate, accumulatorStart, l2, biasL2 } = options;
    for (let i = 0; i < length; i++) keys[i] = model.key(rows[i]!);
    const counts = gradients.counts.slice(0, length);
    const named = { numbers: rows.slice(0, length), numbering: model.numbering };
    if (this.kernels !== null) {
      const rates = [learningRate, biasLearningRate] as const;
      const ofRows = [...rates, accumulatorStart, SCALAR_START, l2, biasL2] as const;
      this.kernels.stepRows(trained, ofRows, values, added);
      return { keys, rows: named, counts, values, accumulators: added };
    }
    for (let i = 0; i < trained; i++) {
      const row = rows[i]!;
      const at = i * (d + 1);
      // A row that many examples share decays by the root of their number: each time in full takes
      // away more of popular items than the examples can tell of them.
      const root = Math.sqrt(touches[i]!);
      const ofRow: RowStep = { learningRate, start: accumulatorStart, decay: l2 * root, one: -1 };
      const n = accumulators[row * 2]!;
      added[i * 2] = rowStep(ofRow, embeddings, row * d, d, n, steps, at, values, at);
      const ofBias: RowStep = {
        learningRate: biasLearningRate,
        start: SCALAR_START,
        decay: biasL2 * root,
        one: -1,
      };
      const m = accumulators[row * 2 + 1]!;
      added[i * 2 + 1] = rowStep(ofBias, biases, row, 1, m, steps, at + d, values, at + d);
    }
    return { keys, rows: named, counts, values, accumulators: added };
  }

  private blockSteps(gradients: ReadonlyMap<string, Float32Array>, examples: number): BlockDelta[] {
    const { model } = this;
    const deltas: BlockDelta[] = [];
    const blocks = Array.from(gradients.keys(), (key) => model.blockOf(key));
    const sum = (of: (block: Block) => number): number =>
      blocks.reduce((total, block) => total + of(block), 0);
    // One piece of memory for all: pieces are dearer to make than to fill.
    const allValues = new Int32Array(sum(({ values }) => values.length));
    const allAdded = new Float64Array(sum(({ accumulators }) => accumulators.length));
    let [usedValues, usedAdded] = [0, 0];
    for (const [key, gradient] of gradients) {
      const { shape, role, values: weights, accumulators } = blocks[deltas.length]!;
      const { rows, width } = shape;
      if (role === 'record') throw new RangeError(`Block ${key} is no weight`);
      const { l2, start, ...base } = this.blockOptions[role];
      const rate = base.rate * stepBoost(model, key, this.options);
      const values = allValues.subarray(usedValues, usedValues + rows * width);
      const added = allAdded.subarray(usedAdded, usedAdded + rows);
      usedValues += rows * width;
      usedAdded += rows;
      if (this.kernels !== null && role === 'dense') {
        const step = { rate, start, decay: l2 * examples };
        this.kernels.stepBlock(weights, gradient, accumulators, step, values, added);
        deltas.push({ key, values, accumulators: added });
        continue;
      }
      for (let row = 0; row < rows; row++) {
        const at = row * width;
        const one = role === 'prior' ? 0 : role === 'dense' ? row : -1;
        const step: RowStep = { learningRate: rate, start, decay: l2 * examples, one };
        added[row] = rowStep(
          step,
          weights,
          at,
          width,
          accumulators[row]!,
          gradient,
          at,
          values,
          at,
        );
      }
      if (role === 'content') shorten(values, LONGEST_CONTENT_STEP);
      deltas.push({ key, values, accumulators: added });
    }
    return deltas;
  }
}

function blockOptionsOf(
  options: LearnerOptions,
): Readonly<Record<Exclude<BlockRole, 'record'>, { rate: number; l2: number; start: number }>> {
  const { denseL2, encoderL2, accumulatorStart } = options;
  return {
    dense: { rate: options.denseLearningRate, l2: denseL2, start: accumulatorStart },
    encoder: { rate: options.encoderLearningRate, l2: encoderL2, start: accumulatorStart },
    content: { rate: options.contentLearningRate, l2: options.contentL2, start: accumulatorStart },
    gate: { rate: options.gateLearningRate, l2: denseL2, start: SCALAR_START },
    stack: { rate: options.stackLearningRate, l2: 0, start: SCALAR_START },
    blend: { rate: options.stackLearningRate, l2: 0, start: DEVIATION_START },
    prior: { rate: options.priorLearningRate, l2: denseL2, start: SCALAR_START },
  };
}
