import { Serde } from '../../src/serde/serde.js';
import type { OutgoingRecord } from '../../src/transport/transport.js';

const START_MS = 1_699_999_000_000;
const serde = new Serde();

/**
 * A fixed input: people with interests in two domains, one of them twice with the same event id, a
 * bot, records that are no events. Every tenth record or so is planted.
 */
export function fuzzInput(topic: string, count: number): OutgoingRecord[] {
  return Array.from({ length: count }, (_, i) => record(topic, i));
}

/** Accepted events of a minute; the bot has more. */
export const EVENTS_PER_MINUTE = 4;

function record(topic: string, i: number): OutgoingRecord {
  const occurredAtMs = START_MS + i * 7_000;
  const timestampMs = occurredAtMs;
  const userId = `u${(i * 7) % 5}`;
  if (i % 19 === 5) return { topic, key: userId, value: Buffer.from(`none ${i}`), timestampMs };
  if (i % 23 === 9) return { topic, key: userId, value: null, timestampMs };
  const bot = i % 4 === 1;
  const repeated = i % 13 === 12;
  const event = {
    userId: bot ? 'bot' : userId,
    itemId: i % 29 === 16 ? '' : `i${(i * 5) % 11}`,
    domain: i % 3 === 0 ? 'films' : 'books',
    action: i % 6 === 4 ? 'rate' : 'purchase',
    value: i % 6 === 4 ? (i % 5) + 1 : null,
    occurredAtMs: bot ? START_MS + i * 100 : occurredAtMs,
    eventId: repeated || i % 13 === 2 ? `e${userId}` : null,
  };
  return { topic, key: event.userId, value: serde.events.encode(event), timestampMs };
}
