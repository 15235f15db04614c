import { parseArgs } from 'node:util';
import { IsthmusError } from '../errors.js';

export const FAULTS = ['kill', 'stop', 'term', 'broker'] as const;
export type Fault = (typeof FAULTS)[number];

export interface ChaosOptions {
  /** How often a process is ended by SIGKILL. */
  readonly kills: number;
  /** After so many minutes nothing is broken any more, whatever there was until then; null: no such end. */
  readonly minutes: number | null;
  /** Service processes that run at a time. */
  readonly processes: number;
  readonly partitions: number;
  /** Records of the input, planted ones included. */
  readonly events: number;
  readonly seed: number;
  readonly faults: ReadonlySet<Fault>;
  /** The input is not keyed by user: a step before the tasks copies it. */
  readonly repartition: boolean;
  readonly json: boolean;
}

export const USAGE = `npm run chaos -- [--kills N] [--minutes M] [--processes P] [--partitions K] [--events N]
                 [--seed S] [--faults kill,stop,term,broker] [--repartition] [--json]

Starts a Kafka and P service processes, feeds a seeded input, breaks things at seeded moments, and
checks from the topics that each event counts once. Exits with 1 where it does not.
`;

/** Returns what the arguments ask for; null for help. Errors: ARGUMENT_INVALID (usage). */
export function parseChaosOptions(args: readonly string[]): ChaosOptions | null {
  const { values } = parse(args);
  if (values.help === true) return null;
  const kills = whole('kills', values.kills, 0);
  const faults = values.faults.split(',').map((name) => name.trim());
  const unknown = faults.find((name) => !FAULTS.some((fault) => fault === name));
  if (unknown !== undefined) {
    throw invalid(`--faults has "${unknown}": wants some of ${FAULTS.join(',')}`);
  }
  return {
    kills,
    minutes: values.minutes === undefined ? null : whole('minutes', values.minutes, 1),
    processes: whole('processes', values.processes, 1),
    partitions: whole('partitions', values.partitions, 1),
    events: whole('events', values.events ?? String(2_000 + kills * 1_000), 1),
    seed: whole('seed', values.seed, 0),
    faults: new Set(faults as Fault[]),
    repartition: values.repartition,
    json: values.json,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        kills: { type: 'string', default: '20' },
        minutes: { type: 'string' },
        processes: { type: 'string', default: '2' },
        partitions: { type: 'string', default: '3' },
        events: { type: 'string' },
        seed: { type: 'string', default: '1' },
        faults: { type: 'string', default: FAULTS.join(',') },
        repartition: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (cause) {
    throw invalid(cause instanceof Error ? cause.message : String(cause));
  }
}

function whole(name: string, text: string, least: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least) return value;
  throw invalid(`--${name} is "${text}": wants a whole number, ${least} or more`);
}

function invalid(message: string): IsthmusError {
  return new IsthmusError('ARGUMENT_INVALID', 'usage', message);
}
