import { setTimeout as sleep } from 'node:timers/promises';
import type { EmbeddedKafka } from '../broker/embedded.js';
import type { Random } from '../online/random.js';
import type { Flow } from './flow.js';
import type { ChaosOptions, Fault } from './options.js';
import { ServiceProcess } from './service-process.js';

export interface BreakerParts {
  readonly options: ChaosOptions;
  readonly env: Readonly<Record<string, string>>;
  readonly sessionTimeoutMs: number;
  readonly kafka: EmbeddedKafka;
  readonly flow: Flow;
  readonly random: Random;
  /** Whether there is input to come: without any, nothing need flow. */
  readonly hasInput: () => boolean;
  /** Told what happens, for people. */
  readonly tell: (sentence: string) => void;
}

/** A stop is over within this time. */
const STOP_WITHIN_S = 5;
/** So long the stream may stand still between two blows. */
const PATIENCE_MS = 180_000;
/** How often each comes for one kill. */
const WEIGHTS: Readonly<Record<Fault, number>> = { kill: 1, stop: 0.3, term: 0.25, broker: 0.07 };

/** Keeps so many processes running, and breaks them and the broker at seeded moments. */
export class Breaker {
  readonly counts: Record<Fault, number> = { kill: 0, stop: 0, term: 0, broker: 0 };
  /** How long each stop took, in seconds. */
  readonly stopSeconds: number[] = [];
  /** Sentences about what must not be. */
  readonly problems: string[] = [];
  /** Processes that ended by themselves, for want of a broker. */
  exits = 0;
  readonly #parts: BreakerParts;
  readonly #slots: ServiceProcess[] = [];
  #started = 0;
  #lastBlowMs = performance.now();
  #begunMs = performance.now();
  #brokerAwayMs = Number.NEGATIVE_INFINITY;
  #ending = false;

  constructor(parts: BreakerParts) {
    this.#parts = parts;
  }

  get processes(): readonly ServiceProcess[] {
    return this.#slots;
  }

  /** What of the breaking is done, guessed between two blows. */
  get share(): number {
    const { kills, minutes } = this.#parts.options;
    if (kills === 0) return 1;
    const done = this.#done;
    const average = done === 0 ? 5_000 : (this.#lastBlowMs - this.#begunMs) / done;
    const since = (performance.now() - this.#lastBlowMs) / Math.max(1, average);
    const struck = (done + Math.min(0.9, since)) / kills;
    const passed = minutes === null ? 0 : (performance.now() - this.#begunMs) / (60_000 * minutes);
    return Math.min(1, Math.max(struck, passed));
  }

  start(): void {
    this.#begunMs = performance.now();
    this.#lastBlowMs = this.#begunMs;
    for (let slot = 0; slot < this.#parts.options.processes; slot += 1) this.#launch(slot);
  }

  /**
   * Strikes until there were as many kills as asked for (blows, where kills are not among the
   * faults), or until the time for it is over.
   */
  async run(): Promise<void> {
    const { kills, minutes } = this.#parts.options;
    const end = this.#begunMs + 60_000 * (minutes ?? Number.POSITIVE_INFINITY);
    while (this.#done < kills && performance.now() < end) {
      await this.#untilItFlows();
      await sleep(this.#parts.random.below(1_500));
      if (this.#ending) return;
      await this.#strike();
      this.#lastBlowMs = performance.now();
    }
  }

  /** Stops all processes, each of which must end with 0 in time. */
  async stop(): Promise<void> {
    this.#ending = true;
    await Promise.all(this.#slots.map((victim) => this.#terminate(victim)));
  }

  /** Ends whatever still runs, at once, and the breaking soon. */
  killAll(): void {
    this.#ending = true;
    for (const process of this.#slots) {
      process.doomed = true;
      process.signal('SIGKILL');
    }
  }

  get #done(): number {
    if (this.#parts.options.faults.has('kill')) return this.counts.kill;
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0);
  }

  #launch(slot: number): void {
    this.#started += 1;
    const child = new ServiceProcess(`process-${this.#started}`, this.#parts.env);
    this.#slots[slot] = child;
    void child.exited.then(async ({ code, signal }) => {
      if (this.#ending) return;
      if (!child.doomed) {
        this.exits += 1;
        const excused = code === 1 && performance.now() < this.#brokerAwayMs + PATIENCE_MS;
        const what = `${child.name} ended by itself (${code ?? signal}):\n${child.lastWords}`;
        if (excused) this.#parts.tell(what);
        else this.problems.push(what);
      }
      await sleep(this.#parts.random.below(1_000));
      if (!this.#ending) this.#launch(slot);
    });
  }

  /** Mostly until something was committed since the last blow; now and then blows come together. */
  async #untilItFlows(): Promise<void> {
    const { flow, random, hasInput } = this.#parts;
    if (random.float() < 0.2) return;
    const begin = performance.now();
    while (flow.progressMs < this.#lastBlowMs && hasInput() && !this.#ending) {
      await sleep(50);
      if (performance.now() < begin + PATIENCE_MS) continue;
      const words = (
        await Promise.all(
          this.#slots.map(
            async (child) => `${child.name}: ${await child.statusText()}\n${child.lastWords}`,
          ),
        )
      ).join('\n');
      this.problems.push(`Nothing was committed for ${PATIENCE_MS / 1000} s:\n${words}`);
      return;
    }
  }

  async #strike(): Promise<void> {
    const fault = this.#choose();
    // What is not over yet would measure two blows at once.
    this.#parts.flow.forget();
    const victims = this.#slots.filter(
      ({ frozen, ended, url }) => !frozen && !ended && url !== null,
    );
    const victim = victims[this.#parts.random.below(Math.max(1, victims.length))];
    if (fault === 'broker') return this.#breakBroker();
    if (victim === undefined) {
      await sleep(200);
      return;
    }
    this.counts[fault] += 1;
    if (fault === 'kill') await this.#kill(victim);
    else if (fault === 'term') await this.#terminate(victim);
    else await this.#freeze(victim);
  }

  #choose(): Fault {
    const faults = [...this.#parts.options.faults];
    const total = faults.reduce((sum, fault) => sum + WEIGHTS[fault], 0);
    let at = this.#parts.random.float() * total;
    for (const fault of faults) {
      at -= WEIGHTS[fault];
      if (at < 0) return fault;
    }
    return faults[0]!;
  }

  async #kill(victim: ServiceProcess): Promise<void> {
    const partitions = await victim.partitions();
    this.#parts.tell(`kill ${victim.name} with partitions ${partitions.join(', ')}`);
    victim.doomed = true;
    const begin = performance.now();
    victim.signal('SIGKILL');
    await victim.exited;
    await this.#expect('kill', victim, partitions, begin);
  }

  async #terminate(victim: ServiceProcess): Promise<void> {
    const partitions = this.#ending ? [] : await victim.partitions();
    this.#parts.tell(`terminate ${victim.name} with partitions ${partitions.join(', ')}`);
    victim.doomed = true;
    const begin = performance.now();
    victim.signal('SIGCONT');
    victim.signal('SIGTERM');
    const exit = await Promise.race([victim.exited, sleep(3 * STOP_WITHIN_S * 1_000, null)]);
    const seconds = (performance.now() - begin) / 1000;
    if (exit !== null) await this.#expect('term', victim, partitions, performance.now());
    this.stopSeconds.push(seconds);
    if (exit?.code === 0 && seconds <= STOP_WITHIN_S) return;
    this.problems.push(
      `${victim.name} ended with ${exit?.code ?? exit?.signal ?? 'nothing'} ${seconds.toFixed(1)} s after SIGTERM:\n${victim.lastWords}`,
    );
    victim.signal('SIGKILL');
    await victim.exited;
  }

  /** Half of the time for longer than its session lives. */
  async #freeze(victim: ServiceProcess): Promise<void> {
    const { random, sessionTimeoutMs, tell } = this.#parts;
    const long = random.float() < 0.5;
    const forMs = long ? sessionTimeoutMs + 500 + random.below(2_500) : 200 + random.below(1_200);
    const partitions = await victim.partitions();
    tell(`freeze ${victim.name} with partitions ${partitions.join(', ')} for ${forMs} ms`);
    victim.frozen = true;
    const begin = performance.now();
    victim.signal('SIGSTOP');
    if (long) await this.#expect('stop', victim, partitions, begin);
    void sleep(forMs).then(() => {
      victim.frozen = false;
      victim.signal('SIGCONT');
    });
  }

  /** Measures the takeover, where somebody is there to take over. */
  async #expect(
    kind: string,
    victim: ServiceProcess,
    partitions: readonly number[],
    sinceMs: number,
  ): Promise<void> {
    const heir = this.#slots.some(
      (other) => other !== victim && other.hasJoined && !other.frozen && !other.ended,
    );
    if (heir) await this.#parts.flow.expect(kind, partitions, sinceMs);
  }

  async #breakBroker(): Promise<void> {
    const { random, kafka, tell } = this.#parts;
    this.counts.broker += 1;
    const crash = random.float() < 0.5;
    tell(crash ? 'kill the broker' : 'stop the broker');
    if (crash) await kafka.kill();
    else await kafka.halt();
    this.#brokerAwayMs = performance.now();
    await sleep(random.below(2_000));
    if (this.#ending) return;
    await kafka.restart();
    this.#brokerAwayMs = performance.now();
  }
}
