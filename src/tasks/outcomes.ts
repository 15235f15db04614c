import { publish } from '../diagnostics.js';
import type { TopicPartition } from '../transport/transport.js';

type Outcome = 'accepted' | 'refused' | 'dead-letter';

/** Counts what became of the events of a cycle, and tells it once by kind. */
export class OutcomeCounts {
  readonly #app: string;
  readonly #partition: TopicPartition;
  #misplaced = 0;
  readonly #counts = new Map<
    string,
    { domain: string; action: string; outcome: Outcome; reason: string; count: number }
  >();

  constructor(app: string, partition: TopicPartition) {
    this.#app = app;
    this.#partition = partition;
  }

  add(domain: string, action: string, outcome: Outcome, reason: string): void {
    const key = `${domain}\n${action}\n${outcome}\n${reason}`;
    const known = this.#counts.get(key);
    if (known === undefined) this.#counts.set(key, { domain, action, outcome, reason, count: 1 });
    else known.count += 1;
  }

  /** An event of a user who belongs in another partition. */
  addMisplaced(): void {
    this.#misplaced += 1;
  }

  publish(): void {
    if (this.#misplaced > 0) {
      publish('isthmus:misplaced', {
        app: this.#app,
        topic: this.#partition.topic,
        partition: this.#partition.partition,
        count: this.#misplaced,
      });
    }
    for (const counted of this.#counts.values())
      publish('isthmus:event', { app: this.#app, ...counted });
  }
}
