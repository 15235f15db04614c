import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceProcess } from '../../chaos/service-process.js';
import { IsthmusError } from '../../errors.js';
import { createTower } from '../../online/tower/backend.js';
import type { LogAdmin } from '../../transport/transport.js';
import type { BenchContext } from './benches.js';
import { ANSWER_ALL } from './drain.js';
import type { Report } from './figures.js';
import { foreignDelta } from './foreign-delta.js';
import { Lab, PARTITIONS } from './lab.js';
import { MINI_BATCH } from './learning.js';
import { cpuSecondsOf, median } from './measure.js';

const EVENTS = 400_000;
const ROUNDS = 2;
const WARM_UP_MS = 6_000;
const COUNTED_MS = 8_000;
const POLL_MS = 20;
const PATIENCE_MS = 60_000;
/** Mini-batches of a transaction: of steady streams, and of one that is behind. */
const TRANSACTIONS = [1, 4, 31];

/** What a second process brings, and what the deltas of the others cost each of them. */
export async function benchReplicaScaling(context: BenchContext): Promise<void> {
  await benchApplying(context.report);
  await Lab.with(context, async (lab) => {
    const admin = await lab.transport.admin();
    try {
      await benchProcesses(lab, admin, context.report);
    } finally {
      await admin.close();
    }
  });
}

async function benchApplying(report: Report): Promise<void> {
  const { tower } = await createTower('auto');
  for (const batches of TRANSACTIONS) {
    const { applied, computed } = foreignDelta(tower, batches);
    report({
      name: `replica-scaling.apply.${batches * MINI_BATCH}`,
      value: 1e6 * applied,
      unit: 'µs/event',
      ratio: computed / applied,
      against: 'computing it takes so many times as long',
    });
  }
}

interface Run {
  readonly eventsPerSecond: number;
  /** Of all services together; NaN where the system does not tell. */
  readonly cpuPerEvent: number;
}

async function benchProcesses(lab: Lab, admin: LogAdmin, report: Report): Promise<void> {
  const { config } = await lab.experiment();
  await lab.preload(config, 1_000, EVENTS);
  const runs: Record<1 | 2, Run[]> = { 1: [], 2: [] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const processes of [1, 2] as const) {
      runs[processes].push(await drainBy(lab, admin, processes, config.inputTopic));
    }
  }
  for (const processes of [1, 2] as const) {
    const of = (count: 1 | 2, figure: keyof Run): number =>
      median(runs[count].map((run) => run[figure]));
    const one = of(1, 'eventsPerSecond');
    const value = of(processes, 'eventsPerSecond');
    const cpu = of(processes, 'cpuPerEvent');
    const peer = (ratio: number) => (processes === 1 ? {} : { ratio, against: 'one process' });
    const name = `replica-scaling.${processes}`;
    report({ name, value, unit: 'events/s', ...peer(value / one) });
    if (!Number.isFinite(cpu)) continue;
    const ratio = cpu / of(1, 'cpuPerEvent');
    report({ name: `${name}.cpu`, value: 1e6 * cpu, unit: 'µs/event', ...peer(ratio) });
  }
}

/** So many services drain an input that is there before they start. */
async function drainBy(lab: Lab, admin: LogAdmin, processes: number, input: string): Promise<Run> {
  // The address of a service is told at this level.
  const settings = { ...ANSWER_ALL, ISTHMUS_LOG_LEVEL: 'info' };
  const { config, env } = await lab.experiment(settings, input);
  const services = Array.from(
    { length: processes },
    (_, i) => new ServiceProcess(`process-${i + 1}`, env),
  );
  const kill = async (): Promise<void> => {
    for (const service of services) service.signal('SIGKILL');
    await Promise.all(services.map(({ exited }) => exited));
  };
  lab.keep({ end: kill });
  const committed = async (): Promise<number> => {
    const offsets = await admin.committed(config.appId, input);
    return offsets.reduce((sum, offset) => sum + Number(offset ?? 0n), 0);
  };
  const cpu = (): number =>
    services.reduce((sum, { pid }) => sum + (cpuSecondsOf(pid) ?? Number.NaN), 0);
  try {
    await complete(lab, services);
    await sleep(WARM_UP_MS, undefined, { signal: lab.signal });
    const before = { atMs: performance.now(), events: await committed(), cpu: cpu() };
    let after = before;
    while (after.atMs < before.atMs + COUNTED_MS) {
      await sleep(POLL_MS, undefined, { signal: lab.signal });
      const events = await committed();
      // From then on one of them may have nothing to do.
      if (events > 0.95 * EVENTS) break;
      after = { atMs: performance.now(), events, cpu: cpu() };
    }
    const events = after.events - before.events;
    return {
      eventsPerSecond: (1000 * events) / (after.atMs - before.atMs),
      cpuPerEvent: (after.cpu - before.cpu) / events,
    };
  } finally {
    await kill();
  }
}

/** Fulfilled when together they work on all partitions, and each on its share. */
async function complete(lab: Lab, services: readonly ServiceProcess[]): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const shares = await Promise.all(services.map((service) => service.partitions()));
    if (shares.every(({ length }) => length === PARTITIONS / services.length)) return;
    if (performance.now() > end) {
      throw new IsthmusError(
        'BENCH_FAILED',
        'fatal',
        `The services of a bench have not shared the partitions after ${PATIENCE_MS / 1000} s: ${services.map(({ lastWords }) => lastWords).join('\n')}`,
      );
    }
    await sleep(POLL_MS, undefined, { signal: lab.signal });
  }
}
