import { Engine, type EngineInput } from '../../online/engine.js';
import { simdMemory } from '../../online/kernels/memory.js';
import { Learner, type LearnerOptions } from '../../online/learner.js';
import { MiniBatch } from '../../online/minibatch.js';
import { Model } from '../../online/model.js';
import { Preprocessor } from '../../online/preprocess/preprocessor.js';
import { Prequential } from '../../online/prequential.js';
import { plainMemory } from '../../online/table.js';
import type { Delta, Tower } from '../../online/types.js';
import { User } from '../../online/user.js';
import { UserStore } from '../../online/user-store.js';
import { WORLD, World } from './world.js';

export const MINI_BATCH = 128;
export const DIMENSION = 32;

/** Returns an empty model as the service has it: its table where the SIMD kernels reach it. */
export function emptyModel(): Model {
  const options = { seed: 1, dimension: DIMENSION, initialScale: 0.02 };
  return new Model(options, simdMemory(DIMENSION) ?? plainMemory());
}

/** What was learned of the world in so many events, without Kafka. */
export interface Learned {
  readonly model: Model;
  readonly users: readonly User[];
  /** The deltas of all mini-batches. */
  readonly deltas: readonly Delta[];
}

/** Learns `events` events of a world as the service does, mini-batch by mini-batch. */
export function learnWorld(
  tower: Tower,
  options: { itemsPerDomain: number; events: number },
): Learned {
  const stream = new LearnedStream(tower, options.itemsPerDomain);
  const deltas: Delta[] = [];
  for (let offset = 0; offset < options.events; offset += MINI_BATCH) {
    const delta = stream.learn();
    stream.model.apply(delta);
    deltas.push(delta);
  }
  return { model: stream.model, users: stream.users, deltas };
}

/** The stream of a world, and a process that learns it without Kafka, one mini-batch after the other. */
export class LearnedStream {
  readonly model = emptyModel();
  readonly #world: World;
  readonly #engine: Engine;
  readonly #users = new UserStore();
  readonly #ahead: EngineInput[][] = [];
  #offset = 0;

  constructor(tower: Tower, itemsPerDomain: number) {
    const { model } = this;
    this.#world = new World({ ...WORLD, itemsPerDomain });
    this.#engine = new Engine({
      model,
      learner: new Learner(model, tower),
      preprocessor: new Preprocessor({ botEventsPerMinute: 0 }),
      prequential: new Prequential(model, tower, { seed: 1 }),
    });
  }

  get users(): User[] {
    return [...this.#users.values()];
  }

  /** Draws the events of so many mini-batches, so that learning them is learning alone. */
  draw(miniBatches: number): void {
    for (let i = 0; i < miniBatches; i++) this.#ahead.push(this.#draw());
  }

  /** Scores, captures and learns the next mini-batch; the delta is not applied. */
  learn(): Delta {
    const inputs = this.#ahead.shift() ?? this.#draw();
    return this.#engine.train(inputs, { topic: 'bench', partition: 0 }, this.#users).delta;
  }

  #draw(): EngineInput[] {
    return Array.from({ length: MINI_BATCH }, () => {
      const offset = this.#offset++;
      const event = this.#world.event(1_700_000_000_000 + offset * 50);
      return { event, offset: BigInt(offset), scored: false };
    });
  }
}

/** The options of the figure: one example is a positive with four negatives of its own. */
export const PLAIN_EXAMPLES: Partial<LearnerOptions> = {
  negatives: 4,
  sharing: 1,
  replay: 0,
  ownDomainDropout: 0,
  singleSource: 0,
  historyDropout: 0,
};

/**
 * The learner at a steady state: users with a history of 20 in each domain that it looks at, and
 * mini-batches of their next events. `step` captures, learns and applies one mini-batch.
 */
export class Treadmill {
  readonly model = emptyModel();
  readonly #learner: Learner;
  readonly #batches: { user: User; row: number }[][] = [];
  #steps = 0;

  constructor(tower: Tower, options: Partial<LearnerOptions>) {
    this.#learner = new Learner(this.model, tower, options);
    const world = new World({ ...WORLD, itemsPerDomain: 1_000 });
    const users = new Map<string, User>();
    for (let batch = 0; batch < 32; batch++) {
      this.#batches.push(
        Array.from({ length: MINI_BATCH }, () => {
          const { userId, domain, itemId } = world.event(0);
          let user = users.get(userId);
          if (user === undefined) {
            user = this.#userWithHistory(userId, world);
            users.set(userId, user);
          }
          return { user, row: this.model.intern(domain, itemId) };
        }),
      );
    }
  }

  /** Learns and applies one mini-batch. Returns the number of positives trained. */
  step(): number {
    const { delta, examples } = this.learn();
    this.model.apply(delta);
    return examples;
  }

  /** Learns one mini-batch and leaves the model alone. */
  learn(): { delta: Delta; examples: number } {
    const batch = new MiniBatch(this.model);
    for (const { user, row } of this.#batches[this.#steps % this.#batches.length]!) {
      batch.add(user, row, 1);
    }
    return this.#learner.learn(batch, ['bench', 0, this.#steps++]);
  }

  /** Ten items in each of two domains: a history of 20. */
  #userWithHistory(userId: string, world: World): User {
    const user = new User(userId);
    const missing = new Map(WORLD.domains.map((domain) => [domain, 20 / WORLD.domains.length]));
    while ([...missing.values()].some((count) => count > 0)) {
      const { domain, itemId } = world.event(0);
      if (missing.get(domain) === 0) continue;
      missing.set(domain, missing.get(domain)! - 1);
      const row = this.model.intern(domain, itemId);
      user.push(row, this.model.domainOf(row), 1, 0);
    }
    return user;
  }
}
