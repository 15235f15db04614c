import { DEAD_LETTER } from '../producers/dead-letter.js';
import { LIST_TOO_LARGE } from '../producers/records.js';
import type { LogRecord } from '../transport/transport.js';
import type { Problems, VerifyReport } from './report.js';

/** A record that has to be a dead letter. */
export interface ExpectedDeadLetter {
  /** Origin: `topic/partition/offset`. */
  readonly place: string;
  readonly reason: string;
  /** Whether what became of it is in the topics that were read. */
  readonly settled: boolean;
}

/** What the dead-letter topic says, by origin: `topic/partition/offset`. */
export class DeadLetters {
  /** Events that made the learner fail. */
  readonly poison = new Set<string>();
  /** Events of which a list did not fit into a record. */
  readonly oversized = new Set<string>();
  readonly #found = new Map<string, { reason: string; count: number }>();

  /** A committed record of the dead-letter topic. */
  take({ headers }: LogRecord): void {
    // A note that a letter was sent back is none itself.
    if (headers[DEAD_LETTER.replayed] !== undefined) return;
    const reason = String(headers[DEAD_LETTER.reason]);
    const place = [DEAD_LETTER.topic, DEAD_LETTER.partition, DEAD_LETTER.offset]
      .map((name) => String(headers[name]))
      .join('/');
    // It is a list that did not fit, not an event.
    if (reason === LIST_TOO_LARGE) {
      this.oversized.add(place);
      return;
    }
    const known = this.#found.get(place);
    if (known === undefined) this.#found.set(place, { reason, count: 1 });
    else known.count += 1;
    if (reason === 'poison') this.poison.add(place);
  }

  /**
   * Compares with what the input says.
   *
   * @param wanted What has to become a dead letter, as far as the input goes; null where that is not known.
   * @param complete Whether nothing was deleted, and no transaction is open.
   */
  compare(
    wanted: readonly ExpectedDeadLetter[] | null,
    complete: boolean,
    problems: Problems,
  ): VerifyReport['deadLetters'] {
    let found = 0;
    let missing = 0;
    let unexpected = 0;
    const expected = new Map(wanted?.map((letter) => [letter.place, letter]));
    for (const [place, { reason, count }] of this.#found) {
      found += count;
      const known =
        wanted === null || reason === 'poison' || expected.get(place)?.reason === reason;
      if (known && count === 1) continue;
      unexpected += 1;
      const what = count === 1 ? 'should not be' : `is ${count} times`;
      problems.add('dead letters', `${place} (${reason}) ${what} in the dead letters`);
    }
    for (const { place, settled, reason } of complete ? expected.values() : []) {
      if (this.#found.get(place)?.reason === reason) continue;
      if (!settled) continue;
      missing += 1;
      problems.add('dead letters', `${place} (${reason}) is missing in the dead letters`);
    }
    return { found, poison: this.poison.size, missing, unexpected };
  }
}
