import { IsthmusError } from '../errors.js';
import { contentDelta } from '../online/content/delta.js';
import { describeItems } from '../online/content/describe.js';
import { ContentEncoder, type ItemContent } from '../online/content/encoder.js';
import { deltaFault } from '../online/delta.js';
import { Engine, type EngineInput } from '../online/engine.js';
import { simdMemory } from '../online/kernels/memory.js';
import { Learner, type LearnerOptions } from '../online/learner.js';
import { Model } from '../online/model.js';
import { largeStepSizes } from '../online/options.js';
import { type PreprocessOptions, Preprocessor } from '../online/preprocess/preprocessor.js';
import { Prequential } from '../online/prequential.js';
import { PrequentialSummary } from '../online/prequential-summary.js';
import type { BehaviorEvent, Tower } from '../online/types.js';
import type { User } from '../online/user.js';
import { UserStore } from '../online/user-store.js';
import { type Baseline, likedOf, type MakeBaseline, type Taken } from './baselines/index.js';
import { Curve, type CurveOptions } from './curve.js';

export interface PassOptions {
  readonly learner: LearnerOptions & { readonly seed: number };
  readonly preprocess: Partial<PreprocessOptions>;
  /** What the events are taken to come from: partition 0 of this topic. */
  readonly topic: string;
  /** Whether each event is foreseen before it is learned. */
  readonly prequential: boolean;
  /** Scored beside ours, here and in cold-start files; default none. */
  readonly baselines?: readonly MakeBaseline[];
  /** How the curve is kept; default: not at all. */
  readonly curve?: CurveOptions;
  /** What is known of items before the first event; default nothing. */
  readonly items?: readonly CatalogueItem[];
}

/** An item as a catalogue describes it. */
export interface CatalogueItem extends ItemContent {
  readonly domain: string;
  readonly itemId: string;
}

/**
 * One pass over a stream without a log: the engine of the service, with mini-batches cut by offset
 * alone. The n-th event has the offset n, so a service over one partition with
 * ISTHMUS_MINI_BATCH_CUT=offset and the same events comes to the same model, bit for bit.
 */
export class Pass {
  readonly model: Model;
  readonly prequential: Prequential;
  readonly summary = new PrequentialSummary();
  readonly users = new UserStore();
  /** Events taken, those that were refused among them. */
  events = 0;
  /** By reason: invalid (dead letters in the service) and refused ones. */
  readonly left = new Map<string, number>();
  readonly baselines: readonly Baseline[];
  readonly curve: Curve | null;
  readonly #options: PassOptions;
  readonly #preprocessor: Preprocessor;
  readonly #engine: Engine;
  #batch: EngineInput[] = [];
  /** Positive events of the mini-batch, for the baselines. */
  #taken: Taken[] = [];

  constructor(tower: Tower, options: PassOptions) {
    this.#options = options;
    const { seed, dimension, initialScale, mode } = options.learner;
    // The memory of the service's model: its kernels, and so the same bits.
    this.model = new Model(
      { seed, dimension, initialScale, mode },
      simdMemory(dimension) ?? undefined,
    );
    if (options.items !== undefined) this.#describe(options.items);
    this.baselines = (options.baselines ?? []).map((make) => make(this.model));
    this.curve = options.curve === undefined ? null : new Curve(this.baselineNames, options.curve);
    this.#preprocessor = new Preprocessor(options.preprocess);
    const learner = new Learner(this.model, tower, options.learner);
    this.prequential = new Prequential(this.model, tower, {
      seed,
      encoder: learner.encoder,
      blend: learner.options,
      rivals: this.baselines,
    });
    this.#engine = new Engine({
      model: this.model,
      learner,
      preprocessor: this.#preprocessor,
      prequential: this.prequential,
      ...(this.baselines.length === 0 ? {} : { onInteraction: this.#take.bind(this) }),
    });
  }

  get baselineNames(): string[] {
    return this.baselines.map(({ name }) => name);
  }

  /** Takes the next event; learns when its mini-batch is full. */
  add(event: BehaviorEvent): void {
    const offset = BigInt(this.events++);
    // No record was written, so there is no time that an event could be ahead of.
    const invalid = this.#preprocessor.validate(event, -1);
    if (invalid === null) {
      this.#batch.push({ event, offset, scored: this.#options.prequential });
    } else {
      this.#leave(invalid.reason);
    }
    if (this.events % this.#options.learner.miniBatch === 0) this.#learn();
  }

  /** Learns what is left at the end. */
  finish(): void {
    this.#learn();
  }

  #describe(items: readonly CatalogueItem[]): void {
    const { seed, dimension } = this.#options.learner;
    const encoder = new ContentEncoder(seed, dimension);
    const encoded = new Map(
      items.map((item) => [`${item.domain}/${item.itemId}`, encoder.encode(item)]),
    );
    this.model.apply(contentDelta(describeItems(this.model, encoded)));
  }

  #learn(): void {
    const batch = this.#batch;
    if (batch.length === 0) return;
    this.#batch = [];
    const place = { topic: this.#options.topic, partition: 0 };
    const result = this.#engine.train(batch, place, this.users);
    const fault = deltaFault(result.delta);
    if (fault !== null) {
      const large = largeStepSizes(this.#options.learner);
      const why =
        large.length === 0 ? 'a step size is too large, perhaps' : `too large: ${large.join('; ')}`;
      throw new IsthmusError(
        'DELTA_NOT_FINITE',
        'fatal',
        `The delta of the events from ${batch[0]?.offset} on cannot be added (${fault}): ${why}`,
      );
    }
    this.model.apply(result.delta);
    for (const sample of result.samples) this.summary.add(sample);
    this.curve?.add(result.samples, this.events);
    for (const baseline of this.baselines) baseline.learn?.(this.#taken);
    this.#taken = [];
    for (const reason of result.refused) if (reason !== null) this.#leave(reason);
  }

  #take(user: User, row: number, weight: number): void {
    if (!(weight > 0)) return;
    this.#taken.push({ row, domain: this.model.domainOf(row), liked: likedOf(user) });
  }

  #leave(reason: string): void {
    this.left.set(reason, (this.left.get(reason) ?? 0) + 1);
  }
}
