import { Random } from '../online/random.js';
import type { Serde } from '../serde/serde.js';
import type { OutgoingRecord } from '../transport/transport.js';

const START_MS = 1_700_000_000_000;
const USERS = 400;
const ITEMS = 300;
const DOMAINS = ['books', 'films', 'shops'];
const SHARE_OF_BROKEN = 0.01;
const SHARE_OF_DUPLICATES = 0.03;
const SHARE_OF_BOT = 0.05;

/**
 * A seeded input without end: people with a taste that holds across domains; among them events that
 * come twice, a bot, and records that cannot be used. The same seed gives the same bytes.
 */
export class ChaosInput {
  readonly #topic: string;
  readonly #keyed: boolean;
  readonly #serde: Serde;
  readonly #random: Random;
  #count = 0;
  #last: OutgoingRecord | null = null;

  /** @param keyed Whether the records have the user as their key, and so their user's partition. */
  constructor(topic: string, serde: Serde, seed: number, keyed: boolean) {
    this.#topic = topic;
    this.#keyed = keyed;
    this.#serde = serde;
    this.#random = Random.of('chaos-input', seed);
  }

  /** Records made so far. */
  get count(): number {
    return this.#count;
  }

  next(): OutgoingRecord {
    const i = this.#count;
    this.#count += 1;
    const chance = this.#random.float();
    if (chance < SHARE_OF_BROKEN) return this.#broken(i);
    if (chance < SHARE_OF_BROKEN + SHARE_OF_DUPLICATES && this.#last !== null) return this.#last;
    const bot = this.#random.float() < SHARE_OF_BOT;
    const user = this.#random.below(USERS);
    // A taste is a fifth of each domain.
    const item = (user % 5) + 5 * this.#random.below(ITEMS / 5);
    const rated = this.#random.float() < 0.3;
    const event = {
      userId: bot ? 'bot' : `user-${user}`,
      itemId: `item-${item}`,
      domain: DOMAINS[this.#random.below(DOMAINS.length)]!,
      action: rated ? 'rate' : 'purchase',
      value: rated ? 1 + this.#random.below(5) : null,
      // The bot touches hundreds of things in a minute of its own time.
      occurredAtMs: START_MS + (bot ? i : i * 1_000),
      eventId: `event-${i}`,
    };
    this.#last = {
      topic: this.#topic,
      key: this.#keyed ? event.userId : null,
      value: this.#serde.events.encode(event),
    };
    return this.#last;
  }

  #broken(i: number): OutgoingRecord {
    const key = `user-${i % USERS}`;
    const record = { topic: this.#topic, key: this.#keyed ? key : null };
    if (i % 3 === 0) return { ...record, value: Buffer.from(`no event ${i}`) };
    if (i % 3 === 1) return { ...record, value: null };
    const event = {
      userId: key,
      itemId: '',
      domain: 'books',
      action: 'view',
      value: null,
      occurredAtMs: START_MS + i * 1_000,
      eventId: null,
    };
    return { ...record, value: this.#serde.events.encode(event) };
  }
}
