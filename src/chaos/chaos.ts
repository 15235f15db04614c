import { setTimeout as sleep } from 'node:timers/promises';
import { EmbeddedKafka } from '../broker/embedded.js';
import { type Config, loadConfig } from '../config.js';
import { Random } from '../online/random.js';
import { repartitionGroup } from '../repartition/step.js';
import { Serde } from '../serde/serde.js';
import { applicationTopics, taskTopic } from '../topics.js';
import { KafkaTransport } from '../transport/kafka/index.js';
import type { LogAdmin, Transport, Watermarks } from '../transport/transport.js';
import { readBetween } from '../verify/read.js';
import type { ReplicaModel, VerifyReport } from '../verify/report.js';
import { verify } from '../verify/verify.js';
import { Breaker } from './breaker.js';
import { Feeder } from './feeder.js';
import { Flow } from './flow.js';
import { ChaosInput } from './input.js';
import type { ChaosOptions } from './options.js';
import { uninterruptedModel } from './uninterrupted.js';

export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface ChaosResult {
  readonly ok: boolean;
  /** Sentences about what does not hold. */
  readonly problems: readonly string[];
  readonly seed: number;
  readonly seconds: number;
  readonly events: number;
  readonly blows: Readonly<Record<'kill' | 'stop' | 'term' | 'broker', number>>;
  /** Processes that ended by themselves for want of a broker. */
  readonly exits: number;
  /** From SIGTERM to the end of the process. */
  readonly stopSeconds: Spread;
  /** From a blow to the next commit of each partition of the victim: after SIGKILL, after the end of a stopped process, after SIGSTOP. */
  readonly takeoverSeconds: Readonly<Record<string, Spread>>;
  /** The hash of a run that nothing interrupted; null where partitions or cuts make it another one. */
  readonly uninterruptedSha256: string | null;
  readonly verify: VerifyReport;
}

const SESSION_TIMEOUT_MS = 3_000;
const MINI_BATCH = 32;
/** After the last blow everything has to come to rest within this time. */
const REST_WITHIN_MS = 300_000;
/** On a crowded machine the broker takes its time. */
const BROKER_WITHIN_MS = 300_000;
const READ_WITHIN_MS = 30_000;
const DEBTS_WITHIN_MS = 15_000;

/** Whether a run that nobody disturbs comes to the same bits. Copies have markers among them. */
function isRepeatable({ partitions, repartition }: ChaosOptions): boolean {
  return partitions === 1 && !repartition;
}

/** The settings of the processes: small mini-batches, a snapshot now and then. */
function settings(brokers: string, options: ChaosOptions): Record<string, string> {
  return {
    KAFKA_BROKERS: brokers,
    ISTHMUS_APP_ID: 'chaos',
    // The one that starts soonest: most of the time goes to starts.
    ISTHMUS_BACKEND: 'simd',
    ISTHMUS_LEARNER_DIMENSION: '16',
    ISTHMUS_MINI_BATCH: String(MINI_BATCH),
    ISTHMUS_MINI_BATCH_CUT: isRepeatable(options) ? 'offset' : 'linger',
    ISTHMUS_REPARTITION: String(options.repartition),
    ISTHMUS_COMMIT_INTERVAL_MS: '50',
    ISTHMUS_SESSION_TIMEOUT_MS: String(SESSION_TIMEOUT_MS),
    ISTHMUS_BOT_EVENTS_PER_MINUTE: '100',
    ISTHMUS_SNAPSHOT_DELTA_BYTES: '100000',
    // The log stays whole, so that it can be compared with the snapshots.
    ISTHMUS_SNAPSHOT_KEEP: '0',
  };
}

/**
 * Runs it all; `tell` hears what happens. Errors: those of the broker's start; the signal's reason,
 * once all that was started has ended.
 */
export async function runChaos(
  options: ChaosOptions,
  tell: (sentence: string) => void,
  signal: AbortSignal,
): Promise<ChaosResult> {
  const kafka = await EmbeddedKafka.start({
    onProgress: tell,
    startTimeoutMs: BROKER_WITHIN_MS,
  });
  try {
    signal.throwIfAborted();
    const env = settings(kafka.bootstrap, options);
    const config = loadConfig(env);
    const transport = new KafkaTransport({
      brokers: config.brokers,
      clientId: 'chaos-observer',
      adminTimeoutMs: BROKER_WITHIN_MS,
    });
    try {
      return await new Chaos(options, tell, kafka, env, config, transport).run(signal);
    } finally {
      await transport.close();
    }
  } finally {
    await kafka.stop();
  }
}

class Chaos {
  readonly #options: ChaosOptions;
  readonly #tell: (sentence: string) => void;
  readonly #kafka: EmbeddedKafka;
  readonly #env: Record<string, string>;
  readonly #config: Config;
  readonly #transport: Transport;
  readonly #problems: string[] = [];

  constructor(
    options: ChaosOptions,
    tell: (sentence: string) => void,
    kafka: EmbeddedKafka,
    env: Record<string, string>,
    config: Config,
    transport: Transport,
  ) {
    this.#options = options;
    this.#tell = tell;
    this.#kafka = kafka;
    this.#env = env;
    this.#config = config;
    this.#transport = transport;
  }

  async run(signal: AbortSignal): Promise<ChaosResult> {
    const { partitions, seed, events } = this.#options;
    const { appId, inputTopic } = this.#config;
    const begin = performance.now();
    const admin = await this.#transport.admin();
    await admin.createTopics(applicationTopics(this.#config, partitions));
    const serde = new Serde();
    const flow = new Flow(admin, appId, taskTopic(this.#config), partitions);
    const breaker: Breaker = new Breaker({
      options: this.#options,
      env: this.#env,
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      kafka: this.#kafka,
      flow,
      random: Random.of('chaos', seed),
      hasInput: () => feeder.sent < events,
      tell: (sentence) => {
        const at = ((performance.now() - begin) / 1000).toFixed(1);
        this.#tell(`${at} s  ${sentence}`);
      },
    });
    const producer = await this.#transport.producer();
    const input = new ChaosInput(inputTopic, serde, seed, !this.#options.repartition);
    const feeder: Feeder = new Feeder(input, producer, events, () => breaker.share);
    let breaking = Promise.resolve();
    const proceed = async (): Promise<ChaosResult> => {
      breaker.start();
      const fed = feeder.run();
      breaking = breaker.run();
      await breaking;
      feeder.finish();
      await fed;
      await this.#fillMiniBatch(admin, feeder);
      this.#tell('nothing is broken any more: waiting until the stream rests');
      const replicas = await this.#rest(admin, breaker);
      const report = await verify({
        config: this.#config,
        transport: this.#transport,
        serde,
        replicas,
        patienceMs: DEBTS_WITHIN_MS,
      });
      if (report.users.owed > 0) this.#problems.push(`${report.users.owed} users are owed lists`);
      await breaker.stop();
      const uninterrupted = await this.#uninterrupted(admin, report);
      const problems = [...breaker.problems, ...this.#problems, ...report.problems];
      return {
        ok: problems.length === 0,
        problems,
        seed,
        seconds: (performance.now() - begin) / 1000,
        events: feeder.sent,
        blows: breaker.counts,
        exits: breaker.exits,
        stopSeconds: spread(breaker.stopSeconds),
        takeoverSeconds: spreads(flow),
        uninterruptedSha256: uninterrupted,
        verify: report,
      };
    };
    try {
      return await orAborted(proceed(), signal);
    } finally {
      breaker.killAll();
      feeder.stop();
      // A restart of the broker may be under way.
      await breaking.catch(() => undefined);
      await flow.stop();
      await producer.close();
      await admin.close();
    }
  }

  /** Cut by offset, an incomplete mini-batch would wait for ever. */
  async #fillMiniBatch(admin: LogAdmin, feeder: Feeder): Promise<void> {
    if (!isRepeatable(this.#options)) return;
    for (;;) {
      const [mark] = await admin.watermarks(this.#config.inputTopic);
      const over = Number(mark!.high % BigInt(MINI_BATCH));
      if (over === 0) return;
      await feeder.add(MINI_BATCH - over);
    }
  }

  /** Waits until all is committed and read back; returns the models of all processes. */
  async #rest(admin: LogAdmin, breaker: Breaker): Promise<ReplicaModel[]> {
    const { modelDeltasTopic } = this.#config;
    const end = performance.now() + REST_WITHIN_MS;
    let missing = '';
    while (performance.now() < end) {
      await sleep(250);
      const behind = await this.#behind(admin);
      if (behind !== null) {
        missing = behind;
        continue;
      }
      const deltas = await admin.watermarks(modelDeltasTopic);
      const models = await Promise.all(breaker.processes.map((process) => process.model()));
      const ready = await Promise.all(breaker.processes.map((process) => process.isReady()));
      const lagging = models.findIndex(
        (model, p) => !ready[p] || !deltas.every(({ high }, d) => model?.deltaOffsets[d] === high),
      );
      const ends = deltas.map(({ high }) => high);
      missing = `${breaker.processes[lagging]?.name} is not ready, or has not read the deltas to ${ends}, but to ${models[lagging]?.deltaOffsets}`;
      if (lagging < 0) return models.filter((model) => model !== null);
    }
    const words = await Promise.all(
      breaker.processes.map(
        async (child) => `${child.name}: ${await child.statusText()}\n${child.lastWords}`,
      ),
    );
    this.#problems.push(`It did not come to rest: ${missing}\n${words.join('\n')}`);
    return [];
  }

  /** What is not committed yet: of the input where it is copied first, then of what the tasks read. */
  async #behind(admin: LogAdmin): Promise<string | null> {
    const { appId, inputTopic, repartition } = this.#config;
    const steps: [string, string][] = repartition ? [[repartitionGroup(appId), inputTopic]] : [];
    for (const [group, topic] of [...steps, [appId, taskTopic(this.#config)] as const]) {
      const marks = await admin.watermarks(topic);
      const committed = await admin.committed(group, topic);
      const at = marks.findIndex(({ high }, p) => (committed[p] ?? 0n) < high);
      if (at < 0) continue;
      if (topic !== inputTopic && !(await this.#hasRecords(topic, marks, committed))) continue;
      return `${topic}/${at} is committed up to ${committed[at]} of ${marks[at]?.high}`;
    }
    return null;
  }

  /** Whether there are records beyond what is committed: the copies end with a marker. */
  async #hasRecords(
    topic: string,
    marks: readonly Watermarks[],
    committed: readonly (bigint | null)[],
  ): Promise<boolean> {
    const failed = new AbortController();
    const reader = this.#transport.reader([topic], (error) => failed.abort(error));
    let records = 0;
    try {
      await reader.run();
      const rest = marks.map(({ low, high }, p) => ({ low: committed[p] ?? low, high }));
      const signal = AbortSignal.any([failed.signal, AbortSignal.timeout(READ_WITHIN_MS)]);
      await readBetween(
        reader,
        topic,
        rest,
        () => {
          records += 1;
        },
        signal,
      );
    } finally {
      await reader.close();
    }
    return records > 0;
  }

  async #uninterrupted(admin: LogAdmin, report: VerifyReport): Promise<string | null> {
    if (!isRepeatable(this.#options)) return null;
    this.#tell('the same input once more, without interruption');
    const sha256 = await uninterruptedModel(admin, this.#transport, this.#env);
    if (sha256 !== report.sha256.log) {
      this.#problems.push(
        `The hash is ${report.sha256.log}, that of an uninterrupted run ${sha256}`,
      );
    }
    return sha256;
  }
}

/** What the work comes to, or the signal's reason as soon as it is aborted. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const interrupted = new Promise<never>((_, reject) => {
    const stop = (): void => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  return Promise.race([work, interrupted]);
}

function spreads(flow: Flow): Record<string, Spread> {
  const kinds = [...new Set(flow.takeovers.map(({ kind }) => kind))].sort();
  return Object.fromEntries(
    kinds.map((kind) => [
      kind,
      spread(flow.takeovers.filter((each) => each.kind === kind).map(({ seconds }) => seconds)),
    ]),
  );
}

function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number =>
    Math.round(
      1000 * (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0),
    ) / 1000;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}
