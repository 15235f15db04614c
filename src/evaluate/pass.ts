import { IsthmusError } from '../errors.js';
import { deltaFault } from '../online/delta.js';
import { Engine, type EngineInput } from '../online/engine.js';
import { simdMemory } from '../online/kernels/memory.js';
import { Learner, type LearnerOptions } from '../online/learner.js';
import { Model } from '../online/model.js';
import { type PreprocessOptions, Preprocessor } from '../online/preprocess/preprocessor.js';
import { Prequential } from '../online/prequential.js';
import { PrequentialSummary } from '../online/prequential-summary.js';
import type { BehaviorEvent, Tower } from '../online/types.js';
import { User } from '../online/user.js';

export interface PassOptions {
  readonly learner: LearnerOptions & { readonly seed: number };
  readonly preprocess: Partial<PreprocessOptions>;
  /** What the events are taken to come from: partition 0 of this topic. */
  readonly topic: string;
  /** Whether each event is foreseen before it is learned. */
  readonly prequential: boolean;
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
  readonly users = new Map<string, User>();
  /** Events taken, those that were refused among them. */
  events = 0;
  /** By reason: invalid (dead letters in the service) and refused ones. */
  readonly left = new Map<string, number>();
  readonly #options: PassOptions;
  readonly #preprocessor: Preprocessor;
  readonly #engine: Engine;
  #batch: EngineInput[] = [];

  constructor(tower: Tower, options: PassOptions) {
    this.#options = options;
    const { seed, dimension, initialScale } = options.learner;
    // The memory of the service's model: its kernels, and so the same bits.
    this.model = new Model({ seed, dimension, initialScale }, simdMemory(dimension) ?? undefined);
    this.#preprocessor = new Preprocessor(options.preprocess);
    const learner = new Learner(this.model, tower, options.learner);
    this.prequential = new Prequential(this.model, tower, {
      seed,
      encoder: learner.encoder,
      blend: learner.options,
    });
    this.#engine = new Engine({
      model: this.model,
      learner,
      preprocessor: this.#preprocessor,
      prequential: this.prequential,
    });
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

  #learn(): void {
    const batch = this.#batch;
    if (batch.length === 0) return;
    this.#batch = [];
    const place = { topic: this.#options.topic, partition: 0 };
    const result = this.#engine.train(batch, place, (userId) => this.#user(userId));
    const fault = deltaFault(result.delta);
    if (fault !== null) {
      throw new IsthmusError(
        'DELTA_NOT_FINITE',
        'fatal',
        `The delta of the events from ${batch[0]?.offset} on cannot be added (${fault}): a step size is too large, perhaps`,
      );
    }
    this.model.apply(result.delta);
    for (const sample of result.samples) this.summary.add(sample);
    for (const reason of result.refused) if (reason !== null) this.#leave(reason);
  }

  #user(userId: string): User {
    let user = this.users.get(userId);
    if (user === undefined) {
      user = new User(userId);
      this.users.set(userId, user);
    }
    return user;
  }

  #leave(reason: string): void {
    this.left.set(reason, (this.left.get(reason) ?? 0) + 1);
  }
}
