import { publish } from '../diagnostics.js';

type Outcome = 'accepted' | 'refused' | 'dead-letter';

/** Counts what became of the events of a cycle, and tells it once by kind. */
export class OutcomeCounts {
  readonly #app: string;
  readonly #counts = new Map<
    string,
    { domain: string; action: string; outcome: Outcome; reason: string; count: number }
  >();

  constructor(app: string) {
    this.#app = app;
  }

  add(domain: string, action: string, outcome: Outcome, reason: string): void {
    const key = `${domain}\n${action}\n${outcome}\n${reason}`;
    const known = this.#counts.get(key);
    if (known === undefined) this.#counts.set(key, { domain, action, outcome, reason, count: 1 });
    else known.count += 1;
  }

  publish(): void {
    for (const counted of this.#counts.values())
      publish('isthmus:event', { app: this.#app, ...counted });
  }
}
