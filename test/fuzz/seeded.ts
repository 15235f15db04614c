import { type HistoryResult, type HistorySpec, runHistory } from './history.js';
import { type Blow, randomBlow, randomOf, randomPlan } from './plan.js';

/** Await points of a history without blows, roughly; with blows there are more. */
const POINTS_PER_PROCESS = 40;

const KINDS: readonly Blow['kind'][] = [
  'error',
  'kill',
  'freeze',
  'delay',
  'repeat',
  'stop',
  'intruder',
];

/** The history of a seed. The same seed gives the same history. */
export function specOf(seed: number): HistorySpec {
  const random = randomOf(seed);
  // Most are small, so that there can be many of them.
  const processes = 1 + Math.floor(random() * random() * 3);
  const partitions = 1 + Math.floor(random() * random() * 3);
  const events = 8 + 8 * Math.floor(random() * random() * 5);
  return {
    partitions,
    processes,
    cut: partitions === 1 && random() < 0.7 ? 'offset' : 'linger',
    plan: randomPlan(random, POINTS_PER_PROCESS * processes + 2 * events),
    events,
    catchUpLag: random() < 0.2 ? 6 : 10_000,
    listIntervalMs: random() < 0.2 ? 15 : 0,
    snapshots: random() < 0.1,
  };
}

/** One blow of each kind at the await point of that number, in turn. */
export function* everyPoint(
  points: number,
  spec: Omit<HistorySpec, 'plan'>,
): Generator<HistorySpec> {
  for (let at = 0; at < points; at++) {
    for (const kind of KINDS) {
      yield { ...spec, plan: new Map([[at, randomBlow(randomOf(at * 31), kind)]]) };
    }
  }
}

const uninterrupted = new Map<number, Promise<string | null>>();

/** The hash of a run that nothing has interrupted, with one partition and cuts by offset. */
function uninterruptedHash(events: number): Promise<string | null> {
  let hash = uninterrupted.get(events);
  if (hash === undefined) {
    const spec = { partitions: 1, processes: 1, cut: 'offset', plan: new Map(), events } as const;
    hash = runHistory(spec).then(({ sha256 }) => sha256);
    uninterrupted.set(events, hash);
  }
  return hash;
}

/** Runs a history and adds what only a comparison with an uninterrupted run can show. */
export async function check(spec: HistorySpec): Promise<HistoryResult> {
  const { stackTraceLimit } = Error;
  // Undecodable records make errors by the thousand; nobody reads their stacks.
  Error.stackTraceLimit = 0;
  try {
    return await compared(spec);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

async function compared(spec: HistorySpec): Promise<HistoryResult> {
  const result = await runHistory(spec);
  if (spec.partitions !== 1 || spec.cut !== 'offset') return result;
  const wanted = await uninterruptedHash(spec.events);
  if (result.sha256 === wanted) return result;
  const problem = `The hash is ${result.sha256}, that of an uninterrupted run ${wanted}`;
  return { ...result, problems: [...result.problems, problem] };
}

/** A failed history, for people: how to see it again, what does not hold, what happened. */
export function describeFailure(name: string, spec: HistorySpec, result: HistoryResult): string {
  const { plan, wrap, ...rest } = spec;
  return [
    `${name}: ${JSON.stringify(rest)} ${wrap === undefined ? '' : '(wrapped)'}`,
    `plan: ${JSON.stringify([...plan])}`,
    ...result.problems.map((problem) => `  - ${problem}`),
    ...result.story.map((line) => `    ${line}`),
  ].join('\n');
}
