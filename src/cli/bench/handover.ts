import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceProcess } from '../../chaos/service-process.js';
import { IsthmusError } from '../../errors.js';
import type { LogAdmin } from '../../transport/transport.js';
import type { BenchContext } from './benches.js';
import { Child } from './child.js';
import type { Report } from './figures.js';
import { type Experiment, Lab, PARTITIONS } from './lab.js';
import type { LoadMessage, LoadTask } from './load-process.js';
import { quantile } from './measure.js';

const PROCESSES = 3;
const STOPS = 20;
const KILLS = 8;
/** Where the machine is slow, the time ends what the number of blows would. */
const STOPS_WITHIN_MS = 150_000;
const KILLS_WITHIN_MS = 120_000;
const EVENTS_PER_SECOND = 100;
/** Of the service by default 6 s; shorter here, so that the kills take bounded time. */
const SESSION_TIMEOUT_MS = 3_000;
const POLL_MS = 10;
const PATIENCE_MS = 120_000;
/** Longer than all of it takes. */
const LOAD_SECONDS = 600;

/**
 * How long partitions stand still when the process that has them is stopped, and when it is killed.
 * Three services share four partitions of a steady stream; one after the other ends, and is started
 * again when all flows. A partition flows again when an event that came after the end is committed.
 */
export async function benchHandover(context: BenchContext): Promise<void> {
  await Lab.with(context, async (lab) => {
    const experiment = await lab.experiment({
      ISTHMUS_BOT_EVENTS_PER_MINUTE: '0',
      // The address of a service is told at this level.
      ISTHMUS_LOG_LEVEL: 'info',
      // A start that measures the backends would only keep the cores busy.
      ISTHMUS_BACKEND: 'simd',
      ISTHMUS_SESSION_TIMEOUT_MS: String(SESSION_TIMEOUT_MS),
    });
    const admin = await lab.transport.admin();
    const handover = new Handover(lab, experiment, admin);
    try {
      await handover.run(context.report);
    } finally {
      await admin.close();
    }
  });
}

interface Blow {
  /** From the end of the process until the last of its partitions flows. */
  readonly flowSeconds: number;
  /** From the signal to the end of the process. */
  readonly endSeconds: number;
}

class Handover {
  readonly #lab: Lab;
  readonly #experiment: Experiment;
  readonly #admin: LogAdmin;
  readonly #services: ServiceProcess[] = [];
  #started = 0;

  constructor(lab: Lab, experiment: Experiment, admin: LogAdmin) {
    this.#lab = lab;
    this.#experiment = experiment;
    this.#admin = admin;
  }

  async run(report: Report): Promise<void> {
    const { signal } = this.#lab;
    const loading: LoadTask = {
      brokers: [this.#lab.kafka.bootstrap],
      topic: this.#experiment.config.inputTopic,
      itemsPerDomain: 1_000,
      eventsPerSecond: EVENTS_PER_SECOND,
      seconds: LOAD_SECONDS,
    };
    const load = this.#lab.keep(new Child<LoadMessage>('load', { task: loading, signal }));
    await load.received('started');
    for (let i = 0; i < PROCESSES; i++) this.#start();
    await this.#settled();
    const stops = await this.#blows('SIGTERM', STOPS, STOPS_WITHIN_MS);
    const kills = await this.#blows('SIGKILL', KILLS, KILLS_WITHIN_MS);
    await load.end();

    const flows = (blows: readonly Blow[]) => blows.map(({ flowSeconds }) => flowSeconds);
    const ends = stops.map(({ endSeconds }) => endSeconds);
    for (const [name, share] of [
      ['p50', 0.5],
      ['p99', 0.99],
    ] as const) {
      report({ name: `handover.term.${name}`, value: quantile(flows(stops), share), unit: 's' });
      report({ name: `handover.term.exit.${name}`, value: quantile(ends, share), unit: 's' });
    }
    for (const [name, share] of [
      ['p50', 0.5],
      ['p99', 0.99],
    ] as const) {
      const value = quantile(flows(kills), share);
      report({
        name: `handover.kill.${name}`,
        value,
        unit: 's',
        ratio: (1000 * value) / SESSION_TIMEOUT_MS,
        against: `the session timeout, ${SESSION_TIMEOUT_MS / 1000} s`,
      });
    }
    report({ name: 'handover.term.samples', value: stops.length, unit: 'stops' });
    report({ name: 'handover.kill.samples', value: kills.length, unit: 'kills' });
  }

  #start(): void {
    this.#started += 1;
    const service = new ServiceProcess(`process-${this.#started}`, this.#experiment.env);
    this.#services.push(service);
    const end = async (): Promise<void> => {
      service.signal('SIGKILL');
      await service.exited;
    };
    this.#lab.keep({ end });
  }

  async #blows(name: 'SIGTERM' | 'SIGKILL', count: number, withinMs: number): Promise<Blow[]> {
    const end = performance.now() + withinMs;
    const blows: Blow[] = [];
    while (blows.length < count && performance.now() < end) blows.push(await this.#blow(name));
    return blows;
  }

  /** Ends the process with the most work of those that are up, and starts another when all flows. */
  async #blow(name: 'SIGTERM' | 'SIGKILL'): Promise<Blow> {
    const shares = await Promise.all(
      this.#services.map(async (service) => ({ service, partitions: await service.partitions() })),
    );
    const { service, partitions } = shares.reduce((most, share) =>
      share.partitions.length > most.partitions.length ? share : most,
    );
    const begin = performance.now();
    service.signal(name);
    await service.exited;
    const end = performance.now();
    await this.#flows(partitions);
    const flowSeconds = (performance.now() - end) / 1000;
    this.#services.splice(this.#services.indexOf(service), 1);
    this.#start();
    await this.#settled();
    return { flowSeconds, endSeconds: (end - begin) / 1000 };
  }

  /** Fulfilled when of each of these partitions an event is committed that is not in the log yet. */
  async #flows(partitions: readonly number[]): Promise<void> {
    const { appId, inputTopic } = this.#experiment.config;
    const marks = await this.#admin.watermarks(inputTopic);
    await this.#until('the partitions flow again', async () => {
      const committed = await this.#admin.committed(appId, inputTopic);
      return partitions.every((partition) => {
        const offset = committed[partition] ?? null;
        return offset !== null && offset > marks[partition]!.high;
      });
    });
  }

  /** Every process has a part, together they have all, and all of it flows. */
  async #settled(): Promise<void> {
    await this.#until('the group is complete', async () => {
      const shares = await Promise.all(this.#services.map((service) => service.partitions()));
      const all = new Set(shares.flat());
      return all.size === PARTITIONS && shares.every((share) => share.length > 0);
    });
    await this.#flows(Array.from({ length: PARTITIONS }, (_, partition) => partition));
  }

  async #until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    while (!(await isSo())) {
      this.#lab.signal.throwIfAborted();
      if (performance.now() > end) {
        const words = await Promise.all(
          this.#services.map(
            async (service) =>
              `${service.name}: ${await service.statusText()}\n${service.lastWords}`,
          ),
        );
        throw new IsthmusError(
          'BENCH_FAILED',
          'fatal',
          `In a bench it has not come so far within ${PATIENCE_MS / 1000} s that ${what}. ${words.join('\n')}`,
        );
      }
      await sleep(POLL_MS, undefined, { signal: this.#lab.signal });
    }
  }
}
