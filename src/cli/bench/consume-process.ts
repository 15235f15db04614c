import { Kafka, logLevel } from 'kafkajs';
import { Serde } from '../../serde/serde.js';
import { parent } from './child.js';

/** Bare kafkajs over the same input: consume and decode, nothing else. */
export interface ConsumeTask {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly warmUp: number;
  readonly total: number;
}

export interface ConsumeMessage {
  readonly kind: 'done';
  readonly eventsPerSecond: number;
}

const { task, tell } = parent<ConsumeMessage, ConsumeTask>();
const { events } = new Serde();
const consumer = new Kafka({
  brokers: [...task.brokers],
  clientId: 'bench-consume',
  logLevel: logLevel.NOTHING,
}).consumer({ groupId: 'bench-consume', maxWaitTimeInMs: 50 });
process.on('SIGTERM', () => void consumer.disconnect().then(() => process.exit()));

let seen = 0;
let counted = 0;
let begin = 0;
await consumer.connect();
await consumer.subscribe({ topic: task.topic, fromBeginning: true });
await consumer.run({
  autoCommit: false,
  partitionsConsumedConcurrently: 4,
  eachBatch: async ({ batch }) => {
    for (const { value } of batch.messages) events.decode(value);
    seen += batch.messages.length;
    if (begin > 0) counted += batch.messages.length;
    else if (seen >= task.warmUp) begin = performance.now();
    if (seen < task.total) return;
    tell({ kind: 'done', eventsPerSecond: (1000 * counted) / (performance.now() - begin) });
  },
});
