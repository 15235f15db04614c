import Table from 'cli-table3';
import { Command, InvalidArgumentError } from 'commander';
import { EmbeddedKafka } from '../broker/embedded.js';
import { type Config, loadConfig } from '../config.js';
import { Service } from '../main.js';
import { filmItem, type MovieLens, readMovieLens } from '../producers/replay/movielens.js';
import { replay } from '../producers/replay/replay.js';
import { sendItems } from '../producers/replay/send-items.js';
import { Serde } from '../serde/serde.js';
import { LiveFigures } from '../telemetry/live.js';
import { createLogger, type Logger } from '../telemetry/logger.js';
import { startTracing, type Tracing } from '../telemetry/tracing.js';
import { applicationTopics } from '../topics.js';
import { MemoryLog, MemoryTransport } from '../transport/memory/index.js';
import type { Transport } from '../transport/transport.js';
import { VERSION } from '../version.js';
import { type Newcomer, newcomers } from './demo-people.js';
import { DemoScreen, milliseconds, percent } from './demo-screen.js';
import { collectAlone } from './heap.js';
import { openKafka } from './kafka-transport.js';

interface DemoOptions {
  readonly rate: number;
  readonly limit: number;
  readonly items: boolean;
  readonly stay: boolean;
  readonly transport: 'kafka' | 'memory';
}

const PARTITIONS = 4;
const PEOPLE = 3;
const RECOMMENDED = 6;

/** `isthmus demo`: the whole road on real ratings, in under a minute. */
export function demoCommand(): Command {
  return new Command('demo')
    .description('Replay the MovieLens ratings through a Kafka of its own and show what is learned')
    .option('--rate <events>', 'ratings per second; 0: as fast as it goes', whole, 4000)
    .option('--limit <events>', 'replay only so many', whole, 0)
    .option('--items', 'titles and genres of the films first, on the items topic', false)
    .option('--stay', 'keep everything running at the end, until Ctrl-C', false)
    .option(
      '--transport <log>',
      'kafka, or memory (without Java and Maven)',
      transportName,
      'kafka',
    )
    .addHelpText(
      'after',
      `
Uses KAFKA_BROKERS where it is set (under the application id isthmus-demo-<time>), otherwise
starts a Kafka of its own. Nothing is left behind.

Examples:
  isthmus demo
  isthmus demo --stay                # and look at the page, the metrics, the topics
  isthmus demo --items               # films are placed by title and genres, too
  isthmus demo --rate 0 --limit 20000`,
    )
    .action(async (options: DemoOptions) => {
      const stop = new AbortController();
      const interrupt = (): void => {
        if (stop.signal.aborted) process.exit(130);
        stop.abort();
      };
      process.on('SIGINT', interrupt);
      process.on('SIGTERM', interrupt);
      const complete = await new Demo(options, stop.signal).run();
      if (!complete) process.exitCode = 130;
    });
}

/** The demo's parts, closed in reverse order whatever happens. */
class Demo {
  readonly #options: DemoOptions;
  readonly #signal: AbortSignal;
  readonly #closers: (() => Promise<void> | void)[] = [];
  readonly #out = process.stdout;
  readonly #logger: Logger = createLogger({ level: 'warn' });

  constructor(options: DemoOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  /** Returns whether it came to its end; false where it was interrupted. */
  async run(): Promise<boolean> {
    try {
      await this.#play();
      return !this.#signal.aborted;
    } catch (error) {
      if (this.#signal.aborted) return false;
      throw error;
    } finally {
      for (const close of this.#closers.reverse()) await close();
    }
  }

  async #play(): Promise<void> {
    collectAlone();
    const data = await readMovieLens();
    const { config, transport } = await this.#log();
    const tracing = await startTracing({ serviceName: config.appId, serviceVersion: VERSION });
    this.#closers.push(() => tracing.close());
    const live = new LiveFigures(config.appId);
    this.#closers.push(() => live.close());
    const service = await this.#service(config, transport, tracing, data);
    this.#say(`isthmus is up: ${service.url}  (metrics: ${service.url}/metrics)`);

    const total =
      this.#options.limit > 0
        ? Math.min(this.#options.limit, data.events.length)
        : data.events.length;
    if (this.#options.items) await this.#describe(config, transport, tracing, data);
    const screen = new DemoScreen(live, total, this.#out);
    try {
      await Promise.race([
        service.ended,
        this.#replay(config, transport, tracing, data, total, screen),
      ]);
      await Promise.race([service.ended, this.#settled(config, transport, service)]);
    } finally {
      screen.close();
    }
    if (this.#signal.aborted) return;
    await this.#report(live, service);
    for (const person of newcomers(data, PEOPLE)) this.#introduce(person, service, data);
    if (this.#options.stay) {
      this.#say(`\nStill running. Page: ${service.url}   Ctrl-C stops everything.`);
      await Promise.race([service.ended, aborted(this.#signal)]);
    }
  }

  async #log(): Promise<{ config: Config; transport: Transport }> {
    const env: NodeJS.ProcessEnv = {
      ISTHMUS_PREQUENTIAL_SAMPLE: '0.3',
      ISTHMUS_HTTP_PORT: '0',
      ...process.env,
      ISTHMUS_TRANSPORT: this.#options.transport,
    };
    if (this.#options.transport === 'memory') {
      const config = loadConfig(env);
      return { config, transport: this.#keep(new MemoryTransport(new MemoryLog())) };
    }
    if (!env.KAFKA_BROKERS) {
      this.#say('starting Kafka ...');
      const kafka = await EmbeddedKafka.start({ onProgress: (message) => this.#say(message) });
      this.#closers.push(() => kafka.stop());
      env.KAFKA_BROKERS = kafka.bootstrap;
      this.#say(`Kafka is up: ${kafka.bootstrap}`);
    } else {
      const name = `isthmus-demo-${Date.now()}`;
      env.ISTHMUS_APP_ID ??= name;
      env.ISTHMUS_INPUT_TOPIC ??= `${name}.behavior-events`;
      env.ISTHMUS_RECOMMENDATIONS_TOPIC ??= `${name}.recommendations`;
      env.ISTHMUS_ITEMS_TOPIC ??= `${name}.items`;
    }
    const config = loadConfig(env);
    const transport = await openKafka(config, this.#logger);
    return { config, transport: this.#keep(transport) };
  }

  async #service(
    config: Config,
    transport: Transport,
    tracing: Tracing,
    data: MovieLens,
  ): Promise<Service> {
    const admin = await transport.admin();
    await admin.createTopics(applicationTopics(config, PARTITIONS));
    await admin.close();
    const service = await Service.create({
      config,
      transport,
      logger: this.#logger,
      tracing,
      title: (_domain, itemId) => data.films.get(itemId)?.title,
    });
    this.#closers.push(() => service.close());
    await service.start();
    await Promise.race([service.ended, this.#until(() => service.readiness().ok)]);
    return service;
  }

  /** Writes what is known of the films; they are learned of beside the ratings. */
  async #describe(
    config: Config,
    transport: Transport,
    tracing: Tracing,
    { films }: MovieLens,
  ): Promise<void> {
    const producer = await transport.producer();
    try {
      const items = [...films.values()].map((film) => filmItem(film, []));
      await sendItems(items, producer, {
        topic: config.itemsTopic,
        serde: new Serde(),
        trace: (records) => tracing.send(config.itemsTopic, records),
      });
      this.#say(`${items.length.toLocaleString('en')} films described on ${config.itemsTopic}`);
    } finally {
      await producer.close();
    }
  }

  async #replay(
    config: Config,
    transport: Transport,
    tracing: Tracing,
    data: MovieLens,
    total: number,
    screen: DemoScreen,
  ): Promise<void> {
    const producer = await transport.producer();
    const serde = new Serde();
    try {
      await replay([data.events], producer, {
        topic: config.inputTopic,
        encode: (event) => serde.events.encode(event),
        rate: this.#options.rate,
        limit: total,
        signal: this.#signal,
        trace: (records) => tracing.send(config.inputTopic, records),
        onProgress: ({ sent }) => screen.sent(sent),
      });
    } finally {
      await producer.close();
    }
  }

  /** Until all is learned and nothing is owed. */
  async #settled(config: Config, transport: Transport, service: Service): Promise<void> {
    const admin = await transport.admin();
    const marks = await admin.watermarks(config.inputTopic);
    await admin.close();
    // Not by the tasks' lag: they may not have heard of the last records yet.
    const learned = (): boolean => {
      const tasks = service.tasks();
      return marks.every(({ high }, partition) =>
        tasks.some((task) => task.partition === partition && (task.position ?? -1n) >= high),
      );
    };
    await this.#until(() => learned() && service.owedLists() === 0);
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds() && !this.#signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async #report(live: LiveFigures, service: Service): Promise<void> {
    const { sha256 } = await service.model();
    const { quality, freshnessOverall, totals } = live.snapshot();
    const figure = (value: number): string => Math.round(value).toLocaleString('en');
    this.#say(
      `\n${figure(totals.events)} ratings in, ${figure(totals.lists)} lists out, ${figure(totals.committed)} transactions, ${figure(totals.refused)} refused, ${figure(totals.deadLetters)} dead letters`,
    );
    this.#say(
      `from rating to committed list: p50 ${milliseconds(freshnessOverall.p50Ms)}, p99 ${milliseconds(freshnessOverall.p99Ms)}`,
    );
    this.#say(
      `memory ${figure(process.memoryUsage().rss / 1e6)} MB   backend ${service.backend()}   model sha256 ${sha256.slice(0, 16)}...\n`,
    );
    const table = new Table({
      head: ['domain', 'likes scored', 'HR@10', 'of popularity', 'NDCG@10', 'of popularity'],
      colAligns: ['left', 'right', 'right', 'right', 'right', 'right'],
      style: { head: [], border: [] },
    });
    for (const row of quality) {
      table.push([
        row.domain,
        figure(row.events),
        percent(row.hr10),
        percent(row.popularityHr10),
        percent(row.ndcg10),
        percent(row.popularityNdcg10),
      ]);
    }
    this.#say(
      'Each like was predicted before it was learned: is the film among the first 10 of 1,000?',
    );
    this.#say(table.toString());
  }

  #introduce(person: Newcomer, service: Service, { films }: MovieLens): void {
    const [list] = service.recommendations(person.userId, person.domain, RECOMMENDED);
    const there = person.eventsThere === 1 ? '1 rating' : `${person.eventsThere} ratings`;
    this.#say(`\nUser ${person.userId} liked   ${person.liked.join(' · ')}`);
    const titleOf = (itemId: string): string => films.get(itemId)?.title ?? itemId;
    this.#say(`in ${person.domain} (${there} there)`);
    for (const { itemId, because = [] } of list?.items ?? []) {
      const touched = because.map((one) => titleOf(one.itemId)).join(' · ');
      this.#say(
        `   ${titleOf(itemId).padEnd(44)}${touched === '' ? '' : `  because of ${touched}`}`,
      );
    }
    const from = list?.transfer
      .filter(({ weight }) => weight >= 0.01)
      .map(({ fromDomain, weight }) => `${fromDomain} ${percent(weight)}`);
    this.#say(`carried over from   ${from?.join(', ')}`);
  }

  #keep<T extends Transport>(transport: T): T {
    this.#closers.push(() => transport.close());
    return transport;
  }

  #say(line: string): void {
    this.#out.write(`${line}\n`);
  }
}

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text))
    throw new InvalidArgumentError('a whole number, 0 or more, is wanted.');
  return Number(text);
}

function transportName(text: string): string {
  if (text !== 'kafka' && text !== 'memory')
    throw new InvalidArgumentError('kafka or memory is wanted.');
  return text;
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  );
}
