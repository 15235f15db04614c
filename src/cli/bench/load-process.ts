import { setTimeout as delay } from 'node:timers/promises';
import { Serde } from '../../serde/serde.js';
import { KafkaTransport } from '../../transport/kafka/index.js';
import { parent } from './child.js';
import { WORLD, World } from './world.js';

/** A steady stream into the input topic. */
export interface LoadTask {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly itemsPerDomain: number;
  /** Those of `WORLD` where it is left out. */
  readonly users?: number;
  readonly eventsPerSecond: number;
  readonly seconds: number;
}

export type LoadMessage =
  | { readonly kind: 'started'; readonly atMs: number }
  | { readonly kind: 'done'; readonly sent: number; readonly lateMs: number };

const TICK_MS = 10;

const { task, tell } = parent<LoadMessage, LoadTask>();
const { events } = new Serde();
const { itemsPerDomain, users = WORLD.users } = task;
const world = new World({ ...WORLD, itemsPerDomain, users });
const transport = new KafkaTransport({ brokers: task.brokers, clientId: 'bench-load' });
const producer = await transport.producer();
const total = task.eventsPerSecond * task.seconds;
let sent = 0;
let lateMs = 0;
let stopped = false;
process.on('SIGTERM', () => {
  stopped = true;
});

const beginMs = Date.now();
tell({ kind: 'started', atMs: beginMs });
while (sent < total && !stopped) {
  const due = Math.min(total, Math.floor(((Date.now() - beginMs) * task.eventsPerSecond) / 1000));
  const records: { topic: string; key: string; value: Buffer }[] = [];
  for (; sent < due; sent++) {
    // The moment at which it was due, not the one at which we got to it: a stall of ours counts.
    const event = world.event(beginMs + (sent / task.eventsPerSecond) * 1000);
    records.push({
      topic: task.topic,
      key: event.userId,
      value: events.encode({ ...event, occurredAtMs: Math.floor(event.occurredAtMs) }),
    });
  }
  lateMs = Math.max(lateMs, Date.now() - beginMs - (sent / task.eventsPerSecond) * 1000);
  if (records.length > 0) await producer.send(records);
  await delay(TICK_MS);
}
tell({ kind: 'done', sent, lateMs });
await producer.close();
await transport.close();
process.disconnect();
