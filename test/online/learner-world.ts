import { poolInto } from '../../src/online/encoders/mean.js';
import { Learner, type LearnerOptions } from '../../src/online/learner.js';
import { logPrior } from '../../src/online/loss.js';
import { MiniBatch } from '../../src/online/minibatch.js';
import { Model } from '../../src/online/model.js';
import { priorKey } from '../../src/online/tower/keys.js';
import { plainTower } from '../../src/online/tower/plain.js';
import type { Tower } from '../../src/online/types.js';
import type { User } from '../../src/online/user.js';
import { isOverlapping, UserStore } from '../../src/online/user-store.js';

export interface Touch {
  readonly user: string;
  readonly domain: string;
  readonly item: string;
  readonly weight?: number;
}

/** A model with its users, fed touch by touch: what a stream task does, without the stream. */
export class World {
  readonly model: Model;
  readonly learner: Learner;
  readonly users = new UserStore();
  private batch: MiniBatch;
  private batches = 0;

  constructor(options: Partial<LearnerOptions> = {}, seed = 1, tower: Tower = plainTower()) {
    const dimension = options.dimension ?? 8;
    this.model = new Model({ seed, dimension, initialScale: options.initialScale ?? 0.02 });
    this.learner = new Learner(this.model, tower, { ...options, dimension });
    this.batch = new MiniBatch(this.model);
  }

  feed(touches: Iterable<Touch>): this {
    for (const touch of touches) {
      this.capture(this.batch, touch);
      if (this.batch.size >= this.learner.options.miniBatch) this.flush();
    }
    this.flush();
    return this;
  }

  /** Adds a touch to a batch and to its user. */
  capture(batch: MiniBatch, { user: id, domain, item, weight = 1 }: Touch): void {
    const user = this.user(id);
    const row = this.model.intern(domain, item);
    batch.add(user, row, weight);
    user.push(row, this.model.domainOf(row), weight, 0);
    if (isOverlapping(user)) this.users.overlaps(user);
  }

  user(id: string): User {
    return this.users.edit(id);
  }

  /** Scores of all items of a domain for a user, by item id. */
  scores(id: string, domain: string): Map<string, number> {
    const { model } = this;
    const d = model.dimension;
    const target = model.domainIndex(domain);
    const slots = this.user(id).histories.filter((history) => history.count > 0);
    const x = new Float32Array(slots.length * d);
    for (const [i, { rows, weights }] of slots.entries()) {
      poolInto(rows, weights, 0, rows.length, model.items.embeddings, d, x, i * d);
    }
    const { query } = this.learner.tower.forward(
      {
        examples: 1,
        targets: Int32Array.of(target),
        slots: slots.length,
        slotExample: new Int32Array(slots.length),
        slotSource: Int32Array.from(slots, (slot) => slot.domain),
        slotEvidence: Float32Array.from(slots, (slot) => Math.log1p(slot.count)),
        x,
      },
      model,
    );
    const prior = model.block(priorKey(model, target))[0]!;
    const { rows, length } = model.rowsOf(target);
    const scores = new Map<string, number>();
    for (const row of rows.subarray(0, length)) {
      const count = model.items.counts[row]!;
      let score =
        model.items.biases[row]! + prior * logPrior(count, model.eventsOf(target), length);
      for (let k = 0; k < d; k++) score += query[k]! * model.items.embeddings[row * d + k]!;
      scores.set(model.itemId(row), score);
    }
    return scores;
  }

  private flush(): void {
    if (this.batch.size === 0) return;
    this.model.apply(
      this.learner.learn(this.batch, ['topic', 0, this.batches++], undefined, this.users).delta,
    );
    this.batch.clear();
  }
}

/** Items from the best score to the worst. */
export function ranked(scores: ReadonlyMap<string, number>): string[] {
  return [...scores].sort((a, b) => b[1] - a[1]).map(([item]) => item);
}
