import { loadConfig } from '../../config.js';
import { subscribe } from '../../diagnostics.js';
import { Service } from '../../main.js';
import { createLogger } from '../../telemetry/logger.js';
import { startTracing } from '../../telemetry/tracing.js';
import { KafkaTransport } from '../../transport/kafka/index.js';
import { collectAlone } from '../heap.js';
import { parent } from './child.js';
import { mainThreadCpuSeconds, median, ownCpuSeconds } from './measure.js';

/** What the service is to count. Whichever comes first, the events or the time. */
export interface ServiceTask {
  /** Committed events after which the counting begins. */
  readonly warmUp: number;
  /** Time since the first commit after which it begins. */
  readonly warmUpMs: number;
  /** Committed events at which it ends. */
  readonly total: number;
  /** Time since its begin after which it ends. */
  readonly countingMs: number;
}

/** The steps of a batch that the core reports, in seconds of CPU. */
export interface Steps {
  decode: number;
  learn: number;
  recommend: number;
  encode: number;
}

/** Between the end of the warm-up and the end. */
export interface ServiceFigures {
  readonly events: number;
  readonly seconds: number;
  /** Of this process. */
  readonly cpuSeconds: number;
  readonly steps: Steps;
  readonly examples: number;
  readonly lists: number;
  readonly outputBytes: number;
  readonly deltaBytes: number;
  readonly transactions: number;
  /** Of the model, written. */
  readonly snapshots: number;
  /** The middle one, from its begin to its commit. */
  readonly transactionMs: number;
  readonly rssBytes: number;
  readonly backend: string;
}

export type ServiceMessages =
  | { readonly kind: 'ready' }
  | { readonly kind: 'warm' }
  | ({ readonly kind: 'done' } & ServiceFigures);

/** Counts from the moment that the warm-up is over. */
class Counts {
  readonly begin = performance.now();
  readonly beginCpu = ownCpuSeconds();
  readonly beginThread = mainThreadCpuSeconds();
  readonly beginActive = performance.eventLoopUtilization();
  readonly steps: Steps = { decode: 0, learn: 0, recommend: 0, encode: 0 };
  readonly transactionsMs: number[] = [];
  events = 0;
  examples = 0;
  lists = 0;
  outputBytes = 0;
  deltaBytes = 0;
  snapshots = 0;

  figures(backend: string): ServiceFigures {
    const { events, examples, lists, outputBytes, deltaBytes, snapshots, transactionsMs } = this;
    const share = this.#cpuShare();
    const steps = {
      decode: this.steps.decode * share,
      learn: this.steps.learn * share,
      recommend: this.steps.recommend * share,
      encode: this.steps.encode * share,
    };
    return {
      events,
      seconds: (performance.now() - this.begin) / 1000,
      cpuSeconds: ownCpuSeconds() - this.beginCpu,
      steps,
      examples,
      lists,
      outputBytes,
      deltaBytes,
      transactions: transactionsMs.length,
      snapshots,
      transactionMs: median(transactionsMs),
      rssBytes: process.memoryUsage.rss(),
      backend,
    };
  }

  /**
   * How much CPU time the event loop had in its active time: below 1 where others want the cores.
   * The steps are measured by the clock; multiplied with this they are CPU time.
   */
  #cpuShare(): number {
    if (this.beginThread === null) return 1;
    const activeMs = performance.eventLoopUtilization(this.beginActive).active;
    const cpuSeconds = (mainThreadCpuSeconds() ?? Number.NaN) - this.beginThread;
    return Math.min(1, (1000 * cpuSeconds) / activeMs);
  }
}

const { task, tell } = parent<ServiceMessages, ServiceTask>();
collectAlone();
const config = loadConfig(process.env);
const transport = new KafkaTransport({
  brokers: config.brokers,
  clientId: config.appId,
  compression: config.compression,
});
const tracing = await startTracing({ serviceName: config.appId });
const service = await Service.create({
  config,
  transport,
  logger: createLogger({ level: 'warn' }),
  tracing,
});

let committed = 0;
let firstMs: number | null = null;
let counts: Counts | null = null;
let done = false;
const finish = (found: Counts): void => {
  if (done) return;
  done = true;
  tell({ kind: 'done', ...found.figures(service.backend()) });
};
// Whoever does not know how much there will be asks.
process.on('message', () => finish(counts ?? new Counts()));
for (const step of ['decode', 'learn', 'recommend', 'encode'] as const) {
  subscribe(`isthmus:${step}`, ({ seconds }) => {
    if (counts !== null) counts.steps[step] += seconds;
  });
}
subscribe('isthmus:learn', ({ examples }) => {
  if (counts !== null) counts.examples += examples;
});
subscribe('isthmus:recommend', ({ lists }) => {
  if (counts !== null) counts.lists += lists;
});
subscribe('isthmus:encode', ({ bytes }) => {
  if (counts !== null) counts.outputBytes += bytes;
});
subscribe('isthmus:snapshot', ({ outcome }) => {
  if (counts !== null && outcome === 'written') counts.snapshots += 1;
});
subscribe('isthmus:transaction', ({ outcome, events, seconds, deltaBytes }) => {
  if (outcome !== 'committed' || done) return;
  const nowMs = performance.now();
  firstMs ??= nowMs;
  committed += events;
  if (counts === null) {
    if (committed < task.warmUp && nowMs - firstMs < task.warmUpMs) return;
    counts = new Counts();
    tell({ kind: 'warm' });
    return;
  }
  counts.events += events;
  counts.transactionsMs.push(seconds * 1000);
  counts.deltaBytes += deltaBytes;
  if (committed >= task.total || nowMs - counts.begin >= task.countingMs) finish(counts);
});

const close = async (): Promise<void> => {
  await service.close();
  await tracing.close();
  await transport.close();
  process.exit();
};
process.on('SIGTERM', () => void close());
service.ended.catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
await service.start();
while (!service.readiness().ok) await new Promise((resolve) => setTimeout(resolve, 10));
tell({ kind: 'ready' });
