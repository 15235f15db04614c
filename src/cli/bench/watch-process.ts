import { Serde } from '../../serde/serde.js';
import { KafkaTransport } from '../../transport/kafka/index.js';
import { parent } from './child.js';
import { quantile } from './measure.js';

/** Reads the lists as a user's shop would: committed ones only, as they come. */
export interface WatchTask {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly partitions: number;
  /** Lists that are based on events of before this moment are not counted. */
  readonly fromMs: number;
}

export type WatchMessage =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'done';
      readonly lists: number;
      readonly p50Ms: number;
      readonly p99Ms: number;
      readonly maxMs: number;
    };

const { task, tell } = parent<WatchMessage, WatchTask>();
const { lists } = new Serde();
const transport = new KafkaTransport({ brokers: task.brokers, clientId: 'bench-watch' });
const reader = transport.reader([task.topic], (error) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
const ages: number[] = [];
let fromMs = task.fromMs;
await reader.run();
for (let partition = 0; partition < task.partitions; partition++) {
  reader.follow({ topic: task.topic, partition }, 0n, {
    onRecords: (records) => {
      const nowMs = Date.now();
      for (const { value } of records) {
        const { occurredAtMs } = lists.decode(value).basedOn;
        if (occurredAtMs >= fromMs) ages.push(nowMs - occurredAtMs);
      }
    },
  });
}
process.on('message', (message: { fromMs?: number }) => {
  if (message.fromMs !== undefined) {
    fromMs = message.fromMs;
    return;
  }
  tell({
    kind: 'done',
    lists: ages.length,
    p50Ms: quantile(ages, 0.5),
    p99Ms: quantile(ages, 0.99),
    maxMs: quantile(ages, 1),
  });
});
process.on('SIGTERM', () => void transport.close().then(() => process.exit()));
tell({ kind: 'ready' });
