import type { Drift } from './drift/drift.js';
import type { Learner } from './learner.js';
import { MiniBatch } from './minibatch.js';
import type { Model } from './model.js';
import type { Preprocessor } from './preprocess/preprocessor.js';
import type { Prequential } from './prequential.js';
import type { BehaviorEvent, Delta, PrequentialSample } from './types.js';
import type { User } from './user.js';
import { isOverlapping, type LearnedUsers } from './user-store.js';

/** An event and where it came from. */
export interface EngineInput {
  readonly event: BehaviorEvent;
  readonly offset: bigint;
  /** Whether it is scored before it is learned. */
  readonly scored: boolean;
}

export interface EngineResult {
  /** To be applied by the caller; the engine has not touched the model's values. */
  readonly delta: Delta;
  /** Why the event was refused, in the order of the inputs; null where it was accepted. */
  readonly refused: readonly (string | null)[];
  readonly examples: number;
  /** Mean binary cross-entropy of the examples; 0 where there were none. */
  readonly loss: number;
  readonly samples: readonly PrequentialSample[];
  /** Where losses went up: what was learned of one domain for another holds no longer. */
  readonly drifts: readonly Drift[];
}

export interface EngineParts {
  readonly model: Model;
  readonly learner: Learner;
  readonly preprocessor: Preprocessor;
  readonly prequential: Prequential;
  /** Told of each accepted interaction, before it is pushed into the user's history. */
  readonly onInteraction?: (user: User, row: number, weight: number) => void;
}

/**
 * One mini-batch from decoded events to a delta: preprocessing, test, train, histories. The service
 * and `evaluate` run the same one.
 */
export class Engine {
  readonly #parts: EngineParts;
  /** Kept for its room. */
  readonly #batch: MiniBatch;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.#batch = new MiniBatch(parts.model);
  }

  /**
   * Learns the events of one mini-batch and writes them into their users. The same inputs, users and model give the same delta, bit for bit: the
   * randomness comes from the place of the first event. Where there are other learners of the same
   * topic, `partitions` says how many partitions they share (see PairCounting).
   */
  train(
    inputs: readonly EngineInput[],
    place: { topic: string; partition: number; partitions?: number },
    users: LearnedUsers,
  ): EngineResult {
    const { model, learner, preprocessor, prequential, onInteraction } = this.#parts;
    const first = inputs[0]?.offset ?? 0n;
    const batch = this.#batch;
    batch.clear();
    const scoring = prequential.begin(place.topic, place.partition, first);
    const refused: (string | null)[] = [];
    for (const { event, offset, scored } of inputs) {
      const user = users.edit(event.userId);
      const verdict = preprocessor.admit(event, user);
      if ('refused' in verdict) {
        refused.push(verdict.refused);
        continue;
      }
      refused.push(null);
      const { domain, itemId, weight, occurredAtMs } = verdict.interaction;
      const row = model.intern(domain, itemId);
      if (scored && weight > 0) scoring.add(user, row);
      onInteraction?.(user, row, weight);
      batch.add(user, row, weight, occurredAtMs);
      const overlapped = isOverlapping(user);
      user.push(row, model.domainOf(row), weight, occurredAtMs);
      if (!overlapped && isOverlapping(user)) users.overlaps(user);
      user.basedOn = { topic: place.topic, partition: place.partition, offset, occurredAtMs };
    }
    const samples = scoring.finish();
    const { delta, loss, examples, drifts } = learner.learn(
      batch,
      [place.topic, place.partition, first],
      place.partitions === undefined
        ? undefined
        : { partition: place.partition, partitions: place.partitions },
      users,
    );
    return { delta, refused, examples, loss, samples, drifts };
  }
}
