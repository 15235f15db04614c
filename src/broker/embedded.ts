import { existsSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve as resolvePath } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { brokerStartFailed, portInUse } from './errors.js';
import { defaultCacheDir, kafkaJars } from './jars.js';
import { checkJava, type JavaProcess, javaCommand, startJava } from './java.js';
import { freePort } from './ports.js';
import {
  type BrokerPorts,
  loggingProperties,
  type Properties,
  serverProperties,
} from './properties.js';
import { formatStorage, newUuid } from './storage.js';

export interface EmbeddedKafkaOptions {
  /** 0 or left out: a free one. */
  readonly port?: number;
  /** Data survives a restart here. Left out: a temporary folder, removed by `stop`. */
  readonly dataDir?: string;
  /** Where Kafka's jars are kept. */
  readonly cacheDir?: string;
  readonly maxHeap?: string;
  readonly startTimeoutMs?: number;
  /** Properties of the server beside ours, or in their place. */
  readonly properties?: (ports: BrokerPorts) => Properties;
  /** Users that SCRAM knows from the start, as kafka-storage takes them: SCRAM-SHA-512=[name=...]. */
  readonly scramUsers?: readonly string[];
  /** Of a cluster of several nodes, whose properties say which node this is. Left out: a cluster of its own. */
  readonly clusterId?: string;
  /** Told what takes long: fetching, starting. */
  readonly onProgress?: (message: string) => void;
  /** The broker ended without having been asked to; `logTail` are the last lines of its log. */
  readonly onExit?: (code: number, logTail: string) => void;
}

// Measured on two busy cores, over the first 25 s, with transactions of 1,000 rows: the C1 compiler
// alone starts the broker with 3.8 s of CPU and takes 6 ms of CPU a transaction; with C2 it is 6.1 s
// and 15 ms. Serial collection spares the threads of G1.
const jvmFlags = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Djava.awt.headless=true'];

/**
 * A real Apache Kafka in a JVM beside us: one KRaft node on 127.0.0.1. It ends with this process,
 * whatever ends that.
 *
 * Errors of `start` and `restart` (all usage): JAVA_MISSING, MAVEN_MISSING, BROKER_FETCH_FAILED,
 * PORT_IN_USE, BROKER_START_FAILED.
 *
 *     const kafka = await EmbeddedKafka.start();
 *     kafka.bootstrap; // '127.0.0.1:43121'
 *     await kafka.stop();
 */
export class EmbeddedKafka {
  readonly port: number;
  readonly dataDir: string;
  readonly #cacheDir: string;
  readonly #jars: string;
  readonly #temporary: boolean;
  readonly #options: EmbeddedKafkaOptions;
  readonly #onProcessExit = (): void => this.#killNow();
  #java: JavaProcess | null = null;

  private constructor(
    port: number,
    dataDir: string,
    temporary: boolean,
    cacheDir: string,
    jars: string,
    options: EmbeddedKafkaOptions,
  ) {
    this.port = port;
    this.dataDir = dataDir;
    this.#temporary = temporary;
    this.#cacheDir = cacheDir;
    this.#jars = jars;
    this.#options = options;
  }

  /** Returns the broker once it accepts connections (2 s; the first time it is fetched before). */
  static async start(options: EmbeddedKafkaOptions = {}): Promise<EmbeddedKafka> {
    const command = javaCommand();
    await checkJava(command);
    const port = await freePort(options.port);
    const cacheDir = options.cacheDir ?? defaultCacheDir();
    const jars = await kafkaJars(cacheDir, options.onProgress);
    const temporary = options.dataDir === undefined;
    const dataDir = temporary
      ? await mkdtemp(join(tmpdir(), 'isthmus-kafka-'))
      : resolvePath(options.dataDir);
    const kafka = new EmbeddedKafka(port, dataDir, temporary, cacheDir, jars, options);
    try {
      await kafka.#launch();
    } catch (error) {
      await kafka.stop();
      throw error;
    }
    return kafka;
  }

  /** The address, as KAFKA_BROKERS takes it. */
  get bootstrap(): string {
    return `127.0.0.1:${this.port}`;
  }

  get running(): boolean {
    return this.#java !== null;
  }

  /** The process id of the JVM; null where it does not run. */
  get pid(): number | null {
    return this.#java?.pid ?? null;
  }

  /** Stops it cleanly (SIGKILL after `timeoutMs`) and removes its data if they are temporary. */
  async stop(timeoutMs = 10_000): Promise<void> {
    await this.halt(timeoutMs);
    process.off('exit', this.#onProcessExit);
    if (this.#temporary) await rm(this.dataDir, { recursive: true, force: true });
  }

  /** Stops it cleanly but keeps the data: `restart` goes on from there. */
  async halt(timeoutMs = 10_000): Promise<void> {
    const java = this.#java;
    if (java === null) return;
    this.#java = null;
    signal(java.pid, 'SIGTERM');
    signal(java.pid, 'SIGCONT');
    const late = setTimeout(() => signal(java.pid, 'SIGKILL'), timeoutMs);
    await java.exited;
    clearTimeout(late);
  }

  /** Ends it as a crash would; the data stay. */
  async kill(): Promise<void> {
    const java = this.#java;
    if (java === null) return;
    this.#java = null;
    signal(java.pid, 'SIGKILL');
    await java.exited;
  }

  /** Starts it again on the same port and data, after `halt` or `kill`, or else stops it first. */
  async restart(): Promise<void> {
    await this.halt();
    await this.#launch();
  }

  /** Stops its clock (SIGSTOP) until `resume`. */
  freeze(): void {
    if (this.#java !== null) signal(this.#java.pid, 'SIGSTOP');
  }

  resume(): void {
    if (this.#java !== null) signal(this.#java.pid, 'SIGCONT');
  }

  /** The last lines of the broker's log. */
  async logTail(lines = 20): Promise<string> {
    const text = await readFile(join(this.dataDir, 'kafka.log'), 'utf8').catch(() => '');
    return text.trimEnd().split('\n').slice(-lines).join('\n');
  }

  async #launch(): Promise<void> {
    const { dataDir } = this;
    const properties = join(dataDir, 'server.properties');
    const logDir = join(dataDir, 'log');
    const logFile = join(dataDir, 'kafka.log');
    await mkdir(dataDir, { recursive: true });
    const ports = { broker: this.port, controller: await freePort() };
    const others = this.#options.properties?.(ports);
    await writeFile(properties, serverProperties(ports, logDir, others));
    await writeFile(join(dataDir, 'log4j2.properties'), loggingProperties());
    await writeFile(logFile, '');
    this.#options.onProgress?.(`Starting Kafka at ${this.bootstrap}`);
    if (!existsSync(join(logDir, 'meta.properties'))) {
      const { scramUsers = [], clusterId } = this.#options;
      // The copy is of one node without users.
      if (scramUsers.length === 0 && clusterId === undefined) await this.#format(logDir, logFile);
      else await this.#runFormat(properties, logFile, scramUsers);
    }
    const heap = this.#options.maxHeap ?? '512m';
    const java = await this.#run(
      [`-Xmx${heap}`, ...jvmFlags],
      'kafka.Kafka',
      [properties],
      logFile,
    );
    this.#java = java;
    process.off('exit', this.#onProcessExit);
    process.on('exit', this.#onProcessExit);
    await this.#ready(java, this.#options.startTimeoutMs ?? 120_000);
    void java.exited.then(async (code) => {
      if (this.#java !== java) return;
      this.#java = null;
      this.#options.onExit?.(code, await this.logTail());
    });
  }

  /** Formats the storage: from the copy in the cache, which the first broker makes. */
  async #format(logDir: string, logFile: string): Promise<void> {
    await formatStorage(this.#cacheDir, logDir, (properties) =>
      this.#runFormat(properties, logFile, []),
    );
  }

  async #runFormat(properties: string, logFile: string, users: readonly string[]): Promise<void> {
    const clusterId = this.#options.clusterId ?? newUuid();
    const args = ['format', '-t', clusterId, '-c', properties];
    for (const user of users) args.push('--add-scram', user);
    const flags = ['-Xmx128m', ...jvmFlags];
    const tool = await this.#run(flags, 'kafka.tools.StorageTool', args, logFile);
    const code = await tool.exited;
    if (code === 0) return;
    throw brokerStartFailed(`formatting its storage ended with ${code}`, await this.logTail());
  }

  #run(flags: string[], main: string, args: string[], logFile: string): Promise<JavaProcess> {
    const logging = `-Dlog4j2.configurationFile=${join(this.dataDir, 'log4j2.properties')}`;
    const command = [...flags, logging, '-cp', join(this.#jars, '*'), main, ...args];
    return startJava(javaCommand(), command, logFile);
  }

  async #ready(java: JavaProcess, timeoutMs: number): Promise<void> {
    let code: number | null = null;
    void java.exited.then((value) => {
      code = value;
    });
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const log = await readFile(join(this.dataDir, 'kafka.log'), 'utf8');
      if (log.includes('Kafka Server started')) return;
      if (code !== null) {
        this.#java = null;
        const tail = await this.logTail();
        if (/Address already in use/.test(log)) throw portInUse(this.port);
        throw brokerStartFailed(`it ended with ${code}`, tail);
      }
      if (Date.now() > deadline) {
        await this.kill();
        throw brokerStartFailed(`it was not ready after ${timeoutMs} ms`, await this.logTail());
      }
      await sleep(30);
    }
  }

  #killNow(): void {
    if (this.#java !== null) signal(this.#java.pid, 'SIGKILL');
    if (this.#temporary) rmSync(this.dataDir, { recursive: true, force: true });
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended already.
  }
}
