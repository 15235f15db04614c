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
const SIDE_BY_SIDE_ROUNDS = 6;

/** Two runs, one after the other or at the same time. */
export interface Pair<Run> {
  readonly ours: Run;
  readonly peer: Run;
}

/** Settings of a service, and what they are called. */
export interface Contender {
  readonly name: string;
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * Drains `input` with the settings of `ours` and of `peer` in turns, after a run that does not count: it warms the
 * broker up. Reports the medians of ours as `<bench>.<figure>`, with the mean of the ratios of
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
  const pairs: Pair<Drained>[] = [];
  const run = (contender: Contender): Promise<Drained> => drainInput(lab, input, contender);
  await run(peer);
  for (let round = 0; round < rounds; round++) {
    // What the machine does meanwhile must not always meet the same one.
    const oursFirst = round % 2 === 0;
    const first = await run(oursFirst ? ours : peer);
    const second = await run(oursFirst ? peer : ours);
    pairs.push(oursFirst ? { ours: first, peer: second } : { ours: second, peer: first });
  }
  const compare = comparison(report, bench, peer.name, pairs);
  compare('throughput', 'events/s', (one) => one.eventsPerSecond);
  compare('wall', 'µs/event', (one) => perEvent(one.seconds, one));
  compareCpu(compare);
}

/**
 * Runs the service with the settings of `ours` and of `peer` at the same time, each with a broker of its own, so
 * that whatever else the machine does meets both at once; the brokers change sides each round, and the first round
 * warms them up and does not count. Reports as `compareDrained`.
 */
export async function compareSideBySide(
  labs: readonly [Lab, Lab],
  report: Report,
  options: {
    readonly bench: string;
    readonly run: (lab: Lab, contender: Contender) => Promise<Drained>;
    readonly ours: Contender;
    readonly peer: Contender;
    readonly rounds: number | undefined;
  },
): Promise<void> {
  const { bench, run, ours, peer, rounds = SIDE_BY_SIDE_ROUNDS } = options;
  const pairs: Pair<Drained>[] = [];
  for (let round = 0; round <= rounds; round++) {
    const [one, other] = round % 2 === 0 ? labs : [labs[1], labs[0]];
    const [own, theirs] = await Promise.all([run(one, ours), run(other, peer)]);
    if (round > 0) pairs.push({ ours: own, peer: theirs });
  }
  const compare = comparison(report, bench, peer.name, pairs);
  compare('throughput', 'events/s', (one) => one.eventsPerSecond);
  compare('transactions', 'events/transaction', (one) => one.events / one.transactions);
  compareCpu(compare);
}

/** Drains `input`, which holds COMPARED_EVENTS, answering everybody. */
export async function drainInput(
  lab: Lab,
  input: string,
  { settings }: Contender,
): Promise<Drained> {
  return drain(lab, await lab.experiment({ ...ANSWER_ALL, ...settings }, input), TASK);
}

/** Reports a figure of runs by its name. */
type Compare<Run> = (name: string, unit: string, figure: (run: Run) => number) => void;

/** Makes what reports figures as `compareDrained` says. */
export function comparison<Run>(
  report: Report,
  prefix: string,
  against: string,
  pairs: readonly Pair<Run>[],
): Compare<Run> {
  return (name, unit, figure) => {
    const own = pairs.map((pair) => figure(pair.ours));
    const { ratio, error } = ratioOf(
      own,
      pairs.map((pair) => figure(pair.peer)),
    );
    if (!Number.isFinite(ratio)) return;
    report({ name: `${prefix}.${name}`, value: median(own), unit, ratio, against });
    // One pair does not tell.
    if (pairs.length < 2) return;
    report({ name: `${prefix}.${name}.error`, value: 100 * error, unit: 'points of the ratio' });
  };
}

/** Compares CPU times per event, of both together and of each. */
function compareCpu(compare: Compare<Drained>): void {
  compare('cpu', 'µs/event', (one) => perEvent(one.cpuSeconds + one.brokerCpuSeconds, one));
  compare('cpu.service', 'µs/event', (one) => perEvent(one.cpuSeconds, one));
  compare('cpu.broker', 'µs/event', (one) => perEvent(one.brokerCpuSeconds, one));
}

function perEvent(seconds: number, { events }: Drained): number {
  return (1e6 * seconds) / events;
}
