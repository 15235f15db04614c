import { IsthmusError } from '../../errors.js';
import type { Report } from './figures.js';

/** What a bench is given. */
export interface BenchContext {
  readonly report: Report;
  /** Ends the bench before its time. */
  readonly signal: AbortSignal;
  /** Where the CPU profiles of services go; null: nowhere. */
  readonly profileDir: string | null;
  /** Of comparisons in turns; undefined: as docs/benchmarks.md says. */
  readonly rounds: number | undefined;
  /** How long the soak takes; undefined: as docs/benchmarks.md says. */
  readonly minutes: number | undefined;
}

/** One bench. It ends by itself. */
export type Bench = (context: BenchContext) => Promise<void>;

interface BenchRow {
  readonly name: string;
  readonly summary: string;
  /** Runs only where it is named: it takes long. */
  readonly named?: true;
  readonly load: () => Promise<Bench>;
}

/** All benches, in the order of docs/benchmarks.md. */
export const BENCHES: readonly BenchRow[] = [
  {
    name: 'machine',
    summary: 'How fast a core is at the moment, to read the other figures by',
    load: async () => (await import('./machine.js')).benchMachine,
  },
  {
    name: 'codec',
    summary: 'Avro events and model deltas: how fast, and how many bytes',
    load: async () => (await import('./codec.js')).benchCodec,
  },
  {
    name: 'learner',
    summary: 'Examples a second and core, by backend, and against plain typed arrays',
    load: async () => (await import('./learner.js')).benchLearner,
  },
  {
    name: 'serving',
    summary: 'Top-10 lists among 1,000 to 100,000 items, against scoring and sorting all',
    load: async () => (await import('./serving.js')).benchServing,
  },
  {
    name: 'memory',
    summary: 'Memory by users and items',
    load: async () => (await import('./memory.js')).benchMemory,
  },
  {
    name: 'restore',
    summary: 'A model of 1,000,000 rows: writing a snapshot, starting from it and from deltas',
    load: async () => (await import('./restore.js')).benchRestore,
  },
  {
    name: 'e2e',
    summary: 'Events a second through a real Kafka, with transactions; what the time goes to',
    load: async () => (await import('./e2e.js')).benchE2e,
  },
  {
    name: 'freshness',
    summary: 'From event to committed list at 1,000 and 5,000 events a second',
    load: async () => (await import('./freshness.js')).benchFreshness,
  },
  {
    name: 'exactly-once-overhead',
    summary: 'What transactions cost, against at-least-once',
    load: async () => (await import('./exactly-once.js')).benchExactlyOnce,
  },
  {
    name: 'tracing',
    summary: 'What tracing one batch in a hundred costs, against none',
    load: async () => (await import('./tracing.js')).benchTracing,
  },
  {
    name: 'handover',
    summary: 'How long partitions stand still after SIGTERM and after kill -9',
    load: async () => (await import('./handover.js')).benchHandover,
  },
  {
    name: 'delta-bytes',
    summary: 'Bytes of the delta log per event, by size of the transactions',
    load: async () => (await import('./delta-bytes.js')).benchDeltaBytes,
  },
  {
    name: 'replica-scaling',
    summary: 'What a second process brings, and what the deltas of others cost',
    load: async () => (await import('./replica-scaling.js')).benchReplicaScaling,
  },
  {
    name: 'soak',
    summary: 'Whether memory stays flat over ten minutes, with snapshots (only where it is named)',
    named: true,
    load: async () => (await import('./soak.js')).benchSoak,
  },
];

/**
 * Returns the rows with these names, in the order of the table; those that do not want to be named where none is.
 * Errors: ARGUMENT_INVALID (usage), which names what there is.
 */
export function benchesNamed(names: readonly string[]): readonly BenchRow[] {
  const known = BENCHES.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new IsthmusError(
      'ARGUMENT_INVALID',
      'usage',
      `There is no bench ${unknown.join(', ')}: there are ${known.join(', ')}`,
    );
  }
  if (names.length === 0) return BENCHES.filter(({ named }) => named !== true);
  return BENCHES.filter(({ name }) => names.includes(name));
}
