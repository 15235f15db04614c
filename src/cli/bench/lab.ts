import { EmbeddedKafka } from '../../broker/embedded.js';
import { type Config, loadConfig } from '../../config.js';
import type { BehaviorEvent } from '../../online/types.js';
import { Serde } from '../../serde/serde.js';
import { applicationTopics } from '../../topics.js';
import { KafkaTransport } from '../../transport/kafka/index.js';
import { SERVICE_FLAGS } from '../heap.js';
import type { BenchContext } from './benches.js';
import { Child } from './child.js';
import { cpuSecondsOf } from './measure.js';
import type { ServiceMessages, ServiceTask } from './service-process.js';
import { WORLD, World } from './world.js';

export const PARTITIONS = 4;
const SEND = 2_000;

/** Between two events of a preloaded stream, in event time: nobody is taken for a bot. */
const EVENT_INTERVAL_MS = 50;

type LabContext = Pick<BenchContext, 'signal' | 'profileDir'>;

/** One service of the bench: its settings as an environment. */
export interface Experiment {
  readonly config: Config;
  readonly env: Readonly<Record<string, string>>;
}

/** A Kafka of our own with everything that a bench runs on it. `close` ends it all. */
export class Lab {
  readonly kafka: EmbeddedKafka;
  readonly transport: KafkaTransport;
  readonly signal: AbortSignal;
  readonly #profileDir: string | null;
  readonly #children: { end(): Promise<void> }[] = [];
  #experiments = 0;

  private constructor(kafka: EmbeddedKafka, context: LabContext) {
    this.kafka = kafka;
    this.transport = new KafkaTransport({ brokers: [kafka.bootstrap], clientId: 'bench' });
    this.signal = context.signal;
    this.#profileDir = context.profileDir;
  }

  /** Errors (usage): JAVA_MISSING, MAVEN_MISSING and what else `EmbeddedKafka.start` names. */
  static async open(context: LabContext): Promise<Lab> {
    return new Lab(await EmbeddedKafka.start(), context);
  }

  /** Runs `work` in a lab that is closed afterwards, whatever happens. */
  static async with(context: LabContext, work: (lab: Lab) => Promise<void>): Promise<void> {
    const lab = await Lab.open(context);
    try {
      await work(lab);
    } finally {
      await lab.close();
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.end()));
    await this.transport.close();
    await this.kafka.stop();
  }

  /** CPU time of the broker so far; null where the system does not tell. */
  brokerCpuSeconds(): number | null {
    return this.kafka.pid === null ? null : cpuSecondsOf(this.kafka.pid);
  }

  /** Makes the topics of a new application; `input` may be that of another one. */
  async experiment(
    settings: Readonly<Record<string, string>> = {},
    input?: string,
  ): Promise<Experiment> {
    this.#experiments += 1;
    const app = `bench-${this.#experiments}`;
    const env = {
      KAFKA_BROKERS: this.kafka.bootstrap,
      ISTHMUS_APP_ID: app,
      ISTHMUS_INPUT_TOPIC: input ?? `${app}.events`,
      ISTHMUS_RECOMMENDATIONS_TOPIC: `${app}.recommendations`,
      ISTHMUS_ITEMS_TOPIC: `${app}.items`,
      ISTHMUS_DLQ_TOPIC: `${app}.dlq`,
      ISTHMUS_HTTP_PORT: '0',
      ISTHMUS_LOG_LEVEL: 'warn',
      ...settings,
    };
    const config = loadConfig(env);
    const admin = await this.transport.admin();
    await admin.createTopics(applicationTopics(config, PARTITIONS));
    await admin.close();
    return { config, env };
  }

  /** Writes the first events of a world to the input, as fast as it goes; `headers` by the event's number. */
  async preload(
    config: Config,
    itemsPerDomain: number,
    events: number,
    headers: (event: number) => Readonly<Record<string, string>> = () => ({}),
  ): Promise<void> {
    const world = new World({ ...WORLD, itemsPerDomain });
    const { events: codec } = new Serde();
    const producer = await this.transport.producer();
    const firstMs = Date.now() - events * EVENT_INTERVAL_MS;
    let underway: Promise<void> = Promise.resolve();
    for (let from = 0; from < events; from += SEND) {
      const batch: BehaviorEvent[] = [];
      for (let i = from; i < Math.min(events, from + SEND); i++) {
        batch.push(world.event(firstMs + i * EVENT_INTERVAL_MS));
      }
      const records = batch.map((event, i) => ({
        topic: config.inputTopic,
        key: event.userId,
        value: codec.encode(event),
        headers: headers(from + i),
      }));
      await underway;
      this.signal.throwIfAborted();
      underway = producer.send(records);
      underway.catch(() => undefined);
    }
    await underway;
    await producer.close();
  }

  /** The service, in a process of its own. */
  service(experiment: Experiment, task: ServiceTask): Child<ServiceMessages> {
    return this.keep(
      new Child<ServiceMessages>('service', {
        task,
        env: experiment.env,
        execArgv: [...SERVICE_FLAGS, ...this.#profile()],
        signal: this.signal,
      }),
    );
  }

  /** Ends the child with the lab. */
  keep<T extends { end(): Promise<void> }>(child: T): T {
    this.#children.push(child);
    return child;
  }

  #profile(): string[] {
    if (this.#profileDir === null) return [];
    return ['--cpu-prof', `--cpu-prof-dir=${this.#profileDir}`];
  }
}
