import type { Config } from '../../src/config.js';
import { Service } from '../../src/main.js';
import { plainTower } from '../../src/online/tower/plain.js';
import { Serde } from '../../src/serde/serde.js';
import { silentLogger } from '../../src/telemetry/logger.js';
import { noTracing } from '../../src/telemetry/tracing.js';
import { MemoryLog, MemoryTransport } from '../../src/transport/memory/index.js';
import type { FaultContext, FaultPoint } from '../../src/transport/memory/process.js';
import type { Transport } from '../../src/transport/transport.js';
import { type Blow, CAN_FAIL, type Plan } from './plan.js';
import { type ProcessClock, VirtualTime } from './virtual-time.js';

export const serde = new Serde();
const tower = { tower: plainTower('identity'), backend: 'plain' as const, reason: 'test' };

export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Process {
  readonly name: string;
  readonly transport: MemoryTransport;
  readonly clock: ProcessClock;
  readonly service: Service;
  state: 'alive' | 'stopping' | 'frozen' | 'dead';
  sessionOver: boolean;
}

export interface WorldOptions {
  readonly config: Config;
  readonly processes: number;
  readonly plan: Plan;
  /** Puts something between a process and the log, to plant a bug. */
  readonly wrap?: (transport: MemoryTransport, log: MemoryLog) => Transport;
}

/** A log, processes that work on it, virtual time, and a plan of what breaks when. */
export class World {
  readonly log: MemoryLog;
  readonly time = new VirtualTime();
  /** What has happened, for whoever looks at a failed history. */
  readonly story: string[] = [];
  /** Processes that have ended by themselves, with the reason. */
  readonly exits: unknown[] = [];
  points = 0;
  turn = 0;
  readonly #options: WorldOptions;
  readonly #slots: (Process | null)[] = [];
  #agenda: { turn: number; action: () => void }[] = [];
  #started = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.log = new MemoryLog({ clock: () => this.time.nowMs });
  }

  /** The services that are alive; empty while one is dead, frozen or stopping. */
  get services(): Service[] {
    const all = this.#slots.filter((process) => process?.state === 'alive');
    return all.length < this.#slots.length ? [] : all.map((process) => process!.service);
  }

  /** Whether something is still to come: a thaw, a restart ... */
  get waiting(): boolean {
    return this.#agenda.length > 0;
  }

  async start(): Promise<void> {
    for (let slot = 0; slot < this.#options.processes; slot++) {
      this.#slots.push(null);
      await this.#launch(slot);
    }
  }

  /** One turn of the event loop, a millisecond of time, and what is on the agenda for it. */
  async step(): Promise<void> {
    await nextTurn();
    this.turn += 1;
    this.time.advanceTo(this.time.nowMs + 1);
    const due = this.#agenda.filter(({ turn }) => turn <= this.turn);
    if (due.length === 0) return;
    this.#agenda = this.#agenda.filter(({ turn }) => turn > this.turn);
    for (const { action } of due) action();
  }

  /** Does something so many turns from now. */
  after(turns: number, action: () => void): void {
    this.#agenda.push({ turn: this.turn + Math.max(1, turns), action });
  }

  /** Kills everything, so that nothing goes on after the history. */
  end(): void {
    this.#agenda = [];
    for (const process of this.#slots) {
      if (process === null) continue;
      process.transport.process.kill();
      process.transport.expireSessions();
      process.clock.die();
    }
  }

  async #launch(slot: number): Promise<void> {
    this.#started += 1;
    const name = `p${slot}.${this.#started}`;
    const transport: MemoryTransport = new MemoryTransport(this.log, {
      name,
      fault: (point, context) => this.#fault(slot, point, context),
    });
    const clock = this.time.clock();
    const service = await Service.create({
      config: this.#options.config,
      transport: this.#options.wrap?.(transport, this.log) ?? transport,
      logger: silentLogger,
      tracing: noTracing,
      clock,
      http: false,
      tower,
      serde,
    });
    const process: Process = {
      name,
      transport,
      clock,
      service,
      state: 'alive',
      sessionOver: false,
    };
    this.#slots[slot] = process;
    service.ended.catch((error: unknown) => {
      if (process.state === 'dead') return;
      this.story.push(`${this.turn} ${name} ends: ${error}`);
      this.exits.push(error);
      this.#kill(slot, process, 5, 10);
    });
    await service.start();
  }

  #fault(slot: number, point: FaultPoint, context: FaultContext): Promise<void> | void {
    const process = this.#slots[slot];
    if (process === null || process === undefined || process.name !== context.process) return;
    const blow = this.#options.plan.get(this.points);
    this.points += 1;
    if (blow === undefined || process.state === 'dead' || process.state === 'frozen') return;
    this.story.push(
      `${this.turn} #${this.points - 1} ${process.name} ${point} ${context.transactionalId ?? context.topic ?? ''} ${JSON.stringify(blow)}`,
    );
    return this.#strike(slot, process, point, context, blow);
  }

  #strike(
    slot: number,
    process: Process,
    point: FaultPoint,
    context: FaultContext,
    blow: Blow,
  ): Promise<void> | void {
    switch (blow.kind) {
      case 'error':
        if (CAN_FAIL.has(point)) throw new Error('a planned fault');
        return;
      case 'kill':
        this.#kill(slot, process, blow.expireTurns, blow.restartTurns);
        return;
      case 'freeze':
        this.#freeze(process, blow.expireTurns, blow.thawTurns);
        return;
      case 'repeat':
        process.transport.process.repeatNext();
        return;
      case 'delay':
        return new Promise((resolve) => this.after(blow.turns, resolve));
      case 'intruder': {
        // A member that takes partitions and does nothing with them, for a while.
        const group = this.log.group(this.#options.config.appId);
        const member = {
          claim: () => ({ data: '', warm: [] }),
          subscribes: () => true,
          assign: () => undefined,
        };
        group.join(member);
        this.after(blow.turns, () => group.leave(member));
        return;
      }
      case 'expire-transaction':
        if (context.transactionalId !== undefined)
          this.log.transactions.expire(context.transactionalId);
        return;
      case 'stop':
        if (process.state !== 'alive') return;
        process.state = 'stopping';
        void process.service.close().then(() => {
          if (process.state !== 'stopping') return;
          this.#kill(slot, process, 1, blow.restartTurns);
        });
    }
  }

  #kill(slot: number, process: Process, expireTurns: number, restartTurns: number): void {
    if (process.state === 'dead') return;
    process.state = 'dead';
    process.transport.process.kill();
    process.clock.die();
    this.after(expireTurns, () => process.transport.expireSessions());
    this.after(restartTurns, () => void this.#launch(slot));
  }

  #freeze(process: Process, expireTurns: number | null, thawTurns: number): void {
    if (process.state !== 'alive') return;
    process.state = 'frozen';
    process.transport.process.freeze();
    process.clock.frozen = true;
    if (expireTurns !== null) this.after(expireTurns, () => process.transport.expireSessions());
    this.after(thawTurns, () => {
      process.state = 'alive';
      process.clock.frozen = false;
      process.transport.process.thaw();
    });
  }
}
