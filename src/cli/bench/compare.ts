import { ANSWER_ALL, type Drained, drain } from './drain.js';
import type { Report } from './figures.js';
import type { Lab } from './lab.js';
import { median, ratioOf } from './measure.js';

/** How many events a topic has to hold for `compareDrained`. */
export const COMPARED_EVENTS = 80_000;
/** By events alone: the model grows, so other events of the same stream cost something else. */
const TASK = {
  warmUp: 25_000,
  warmUpMs: Number.MAX_SAFE_INTEGER,
  total: COMPARED_EVENTS,
  countingMs: 60_000,
};
const ROUNDS = 8;

/** Settings of a service, and what they are called. */
export interface Contender {
  readonly name: string;
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * Drains `input` with the settings of `ours` and of `peer` in turns, after a run that does not count: it warms the
 * broker up. Reports the medians of ours as `<bench>.<figure>`, with the median of the ratios of
 * each run to the peer's beside it, and how sure that is (`ratioOf`) as `<bench>.<figure>.error`.
 */
export async function compareDrained(
  lab: Lab,
  report: Report,
  options: {
    readonly bench: string;
    readonly input: string;
    readonly ours: Contender;
    readonly peer: Contender;
    readonly rounds: number | undefined;
  },
): Promise<void> {
  const { bench, input, ours, peer, rounds = ROUNDS } = options;
  const pairs: { ours: Drained; peer: Drained }[] = [];
  const run = async ({ settings }: Contender): Promise<Drained> =>
    drain(lab, await lab.experiment({ ...ANSWER_ALL, ...settings }, input), TASK);
  await run(peer);
  for (let round = 0; round < rounds; round++) {
    // What the machine does meanwhile must not always meet the same one.
    const oursFirst = round % 2 === 0;
    const first = await run(oursFirst ? ours : peer);
    const second = await run(oursFirst ? peer : ours);
    pairs.push(oursFirst ? { ours: first, peer: second } : { ours: second, peer: first });
  }
  const compare = (name: string, unit: string, figure: (run: Drained) => number): void => {
    const own = pairs.map((pair) => figure(pair.ours));
    const { ratio, error } = ratioOf(
      own,
      pairs.map((pair) => figure(pair.peer)),
    );
    if (!Number.isFinite(ratio)) return;
    const value = median(own);
    report({ name: `${bench}.${name}`, value, unit, ratio, against: peer.name });
    // One pair does not tell.
    if (pairs.length < 2) return;
    report({ name: `${bench}.${name}.error`, value: 100 * error, unit: 'points of the ratio' });
  };
  const perEvent = (seconds: number, { events }: Drained): number => (1e6 * seconds) / events;
  compare('throughput', 'events/s', (one) => one.eventsPerSecond);
  compare('wall', 'µs/event', (one) => perEvent(one.seconds, one));
  compare('cpu', 'µs/event', (one) => perEvent(one.cpuSeconds + one.brokerCpuSeconds, one));
  compare('cpu.service', 'µs/event', (one) => perEvent(one.cpuSeconds, one));
  compare('cpu.broker', 'µs/event', (one) => perEvent(one.brokerCpuSeconds, one));
}
