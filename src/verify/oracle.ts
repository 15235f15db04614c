import { type PreprocessOptions, Preprocessor } from '../online/preprocess/preprocessor.js';
import { RING_SIZE, User } from '../online/user.js';
import { UndecodableError } from '../serde/errors.js';
import type { Serde } from '../serde/serde.js';
import type { UserStateRecord } from '../serde/types.js';
import type { LogRecord } from '../transport/transport.js';

interface OracleHistory {
  domain: string;
  count: number;
  entries: { itemId: string; weight: number; occurredAtMs: number }[];
}

export interface OracleUser {
  readonly userId: string;
  readonly partition: number;
  readonly histories: OracleHistory[];
  /** Counts of preprocessing, and the newest accepted event. */
  readonly counts: User;
  /** The newest event, refused ones included. */
  touchedOffset: bigint;
}

/** A record that has to be a dead letter. */
export interface ExpectedDeadLetter {
  /** Origin: `topic/partition/offset`. */
  readonly place: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly reason: string;
}

/**
 * What must have become of the input, computed from the input alone: no transactions, no tasks, no
 * learner, one record after another.
 */
export class Oracle {
  readonly users = new Map<string, OracleUser>();
  readonly deadLetters: ExpectedDeadLetter[] = [];
  accepted = 0;
  refused = 0;
  /** By `partition/domain`: its items, with the first event of each that shows interest. */
  readonly #items = new Map<string, Map<string, bigint>>();
  readonly #serde: Serde;
  readonly #preprocessor: Preprocessor;
  readonly #poison: ReadonlySet<string>;

  /** @param poison `topic/partition/offset` of the events that made the learner fail: nothing becomes of them. */
  constructor(serde: Serde, options: PreprocessOptions, poison: ReadonlySet<string>) {
    this.#serde = serde;
    this.#preprocessor = new Preprocessor(options);
    this.#poison = poison;
  }

  /** The next record of its partition; the serde must know its schema. */
  take(record: LogRecord): void {
    const { topic, partition, offset } = record;
    const place = `${topic}/${partition}/${offset}`;
    const event = this.#serde.events.tryDecode(record.value);
    if (event instanceof UndecodableError) {
      this.deadLetters.push({ place, partition, offset, reason: event.reason });
      return;
    }
    const invalid = this.#preprocessor.validate(event, record.timestampMs);
    if (invalid !== null) {
      this.deadLetters.push({ place, partition, offset, reason: invalid.reason });
      return;
    }
    if (this.#poison.has(place)) return;
    const user = this.#user(event.userId, partition);
    user.touchedOffset = offset;
    const verdict = this.#preprocessor.admit(event, user.counts);
    if ('refused' in verdict) {
      this.refused += 1;
      return;
    }
    this.accepted += 1;
    const { domain, itemId, weight, occurredAtMs } = verdict.interaction;
    let history = user.histories.find((candidate) => candidate.domain === domain);
    if (history === undefined) {
      history = { domain, count: 0, entries: [] };
      user.histories.push(history);
    }
    if (history.entries.length === RING_SIZE) history.entries.shift();
    history.entries.push({ itemId, weight, occurredAtMs });
    if (weight > 0) {
      history.count += 1;
      this.#note(`${partition}/${domain}`, itemId, offset);
    }
    user.counts.basedOn = { topic, partition, offset, occurredAtMs };
  }

  /**
   * Whether events of the partition, up to this offset, have made an item of the domain known that
   * passes the test: then it can be recommended after that event.
   */
  knows(
    partition: number,
    domain: string,
    upTo: bigint,
    test: (itemId: string) => boolean,
  ): boolean {
    for (const [itemId, offset] of this.#items.get(`${partition}/${domain}`) ?? []) {
      // In order of their offsets.
      if (offset > upTo) return false;
      if (test(itemId)) return true;
    }
    return false;
  }

  #note(key: string, itemId: string, offset: bigint): void {
    let items = this.#items.get(key);
    if (items === undefined) {
      items = new Map();
      this.#items.set(key, items);
    }
    if (!items.has(itemId)) items.set(itemId, offset);
  }

  /** The domains that have items in the partition. */
  domains(partition: number): string[] {
    const prefix = `${partition}/`;
    return [...this.#items.keys()]
      .filter((key) => key.startsWith(prefix))
      .map((key) => key.slice(prefix.length));
  }

  #user(userId: string, partition: number): OracleUser {
    // A user whose events are in two partitions (keyed by something else) has a state in each.
    const key = `${partition}/${userId}`;
    let user = this.users.get(key);
    if (user === undefined) {
      const counts = new User(userId);
      user = { userId, partition, histories: [], counts, touchedOffset: -1n };
      this.users.set(key, user);
    }
    return user;
  }
}

/** What is wrong with a state of the changelog, or null. Times of the wall clock are left out. */
export function stateFault(expected: OracleUser, state: UserStateRecord): string | null {
  const { counts } = expected;
  const pairs: [string, unknown, unknown][] = [
    ['basedOn', counts.basedOn, state.basedOn],
    ['minute', counts.minute, state.minute],
    ['minuteCount', counts.minuteCount, state.minuteCount],
    ['recentEventIds', counts.recentEventIds, state.recentEventIds],
    ['histories', expected.histories, state.histories],
  ];
  for (const [name, wanted, found] of pairs) {
    if (text(wanted) !== text(found)) return `${name} is ${text(found)}, not ${text(wanted)}`;
  }
  return null;
}

function text(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === 'bigint') return String(inner);
    if (inner === null || typeof inner !== 'object' || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
