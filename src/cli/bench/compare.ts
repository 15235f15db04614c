import { ANSWER_ALL, type Drained, drain } from './drain.js';
import type { Report } from './figures.js';
import type { Lab } from './lab.js';
import { median } from './measure.js';

/** How many events a topic has to hold for `compareDrained`. */
export const COMPARED_EVENTS = 140_000;
/** Where the machine is slow, the time ends what the number of events would. */
const TASK = { warmUp: 40_000, warmUpMs: 4_000, total: COMPARED_EVENTS, countingMs: 7_000 };
const ROUNDS = 3;

/** Settings of a service, and what they are called. */
export interface Contender {
  readonly name: string;
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * Drains `input` three times each with the settings of `ours` and of `peer`, in turns, and reports the
 * medians of ours against those of the peer, as `<bench>.<figure>`.
 */
export async function compareDrained(
  lab: Lab,
  report: Report,
  options: {
    readonly bench: string;
    readonly input: string;
    readonly ours: Contender;
    readonly peer: Contender;
  },
): Promise<void> {
  const { bench, input, ours, peer } = options;
  const runs = new Map<Contender, Drained[]>([
    [ours, []],
    [peer, []],
  ]);
  for (let round = 0; round < ROUNDS; round++) {
    // What the machine does meanwhile, and what a first run warms up, must not always meet the same one.
    const turns = round % 2 === 0 ? [...runs] : [...runs].reverse();
    for (const [{ settings }, done] of turns) {
      const experiment = await lab.experiment({ ...ANSWER_ALL, ...settings }, input);
      done.push(await drain(lab, experiment, TASK));
    }
  }
  const compare = (name: string, unit: string, figure: (run: Drained) => number): void => {
    const [own, others] = [...runs.values()].map((done) => median(done.map(figure)));
    const ratio = own! / others!;
    if (!Number.isFinite(ratio)) return;
    report({ name: `${bench}.${name}`, value: own!, unit, ratio, against: peer.name });
  };
  const perEvent = (seconds: number, { events }: Drained): number => (1e6 * seconds) / events;
  compare('throughput', 'events/s', (run) => run.eventsPerSecond);
  compare('wall', 'µs/event', (run) => perEvent(run.seconds, run));
  compare('cpu', 'µs/event', (run) => perEvent(run.cpuSeconds + run.brokerCpuSeconds, run));
  compare('cpu.service', 'µs/event', (run) => perEvent(run.cpuSeconds, run));
  compare('cpu.broker', 'µs/event', (run) => perEvent(run.brokerCpuSeconds, run));
}
