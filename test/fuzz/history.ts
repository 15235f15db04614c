import type { Config } from '../../src/config.js';
import { applicationTopics } from '../../src/topics.js';
import { MemoryTransport } from '../../src/transport/memory/index.js';
import type { VerifyReport } from '../../src/verify/report.js';
import { verify } from '../../src/verify/verify.js';
import { testConfig } from '../support/service.js';
import { EVENTS_PER_MINUTE, fuzzInput } from './input.js';
import type { Plan } from './plan.js';
import { serde, World, type WorldOptions } from './world.js';

export interface HistorySpec {
  readonly partitions: number;
  readonly processes: number;
  readonly cut: 'linger' | 'offset';
  readonly plan: Plan;
  /** Records of the input: a multiple of 8. */
  readonly events: number;
  /** Lists are owed beyond this lag; many by default, so that each event is answered. */
  readonly catchUpLag?: number;
  readonly listIntervalMs?: number;
  /** Snapshots are written, and deltas below them deleted. */
  readonly snapshots?: boolean;
  readonly wrap?: NonNullable<WorldOptions['wrap']>;
}

export interface HistoryResult {
  /** Sentences; empty where all laws hold. */
  readonly problems: readonly string[];
  readonly story: readonly string[];
  readonly sha256: string | null;
  readonly points: number;
  readonly turns: number;
}

const MINI_BATCH = 4;
/** Records that are written at once, and the turns between. */
const WAVE = 4;
const WAVE_TURNS = 6;
const PATIENCE_TURNS = 6_000;
const QUIET_TURNS = 8;

const configs = new Map<string, Config>();

function configOf(spec: HistorySpec): Config {
  const env: Record<string, string> = {
    ISTHMUS_MINI_BATCH: String(MINI_BATCH),
    ISTHMUS_MINI_BATCH_CUT: spec.cut,
    ISTHMUS_MAX_TRANSACTION_EVENTS: String(MINI_BATCH * 2),
    ISTHMUS_COMMIT_INTERVAL_MS: '3',
    ISTHMUS_LEARNER_DIMENSION: '5',
    ISTHMUS_BOT_EVENTS_PER_MINUTE: String(EVENTS_PER_MINUTE),
    ISTHMUS_EXCLUDE_TOUCHED: 'none',
    ISTHMUS_TOP_N: '3',
    // Looked up otherwise, for each process.
    ISTHMUS_ADVERTISED_URL: 'http://127.0.0.1:1',
    ISTHMUS_PREQUENTIAL_SAMPLE: '0',
    ISTHMUS_SESSION_TIMEOUT_MS: '60000',
    ISTHMUS_CATCH_UP_LAG: String(spec.catchUpLag ?? 10_000),
    ISTHMUS_LIST_INTERVAL_MS: String(spec.listIntervalMs ?? 0),
    ISTHMUS_SNAPSHOT_INTERVAL_MS: '0',
    ISTHMUS_SNAPSHOT_DELTA_BYTES: spec.snapshots === true ? '2000' : '0',
    ISTHMUS_SNAPSHOT_KEEP: '1',
  };
  const key = JSON.stringify(env);
  let config = configs.get(key);
  if (config === undefined) {
    config = testConfig(env);
    configs.set(key, config);
  }
  return config;
}

const LONGEST = 64;
let longest: ReturnType<typeof fuzzInput> | null = null;

function inputOf(topic: string, count: number): ReturnType<typeof fuzzInput> {
  longest ??= fuzzInput(topic, LONGEST);
  return longest.slice(0, count);
}

/** Runs one history to its end and checks what the topics show. */
export async function runHistory(spec: HistorySpec): Promise<HistoryResult> {
  const config = configOf(spec);
  const world = new World({
    config,
    processes: spec.processes,
    plan: spec.plan,
    ...(spec.wrap === undefined ? {} : { wrap: spec.wrap }),
  });
  const observer = new MemoryTransport(world.log, { name: 'observer' });
  try {
    for (const topic of applicationTopics(config, spec.partitions)) world.log.createTopic(topic);
    await world.start();
    let produced = 0;
    const input = inputOf(config.inputTopic, spec.events);
    const produce = (): void => {
      world.log.append(world.log.prepare(input.slice(produced, produced + WAVE)));
      produced += WAVE;
      if (produced < input.length) world.after(WAVE_TURNS, produce);
    };
    world.after(1, produce);
    const atRest = await untilRest(world, config, spec, () => produced >= input.length);
    const result = (problems: readonly string[], sha256: string | null): HistoryResult => ({
      problems: [...problems, ...world.exits.map((error) => `A process ended by itself: ${error}`)],
      story: world.story,
      sha256,
      points: world.points,
      turns: world.turn,
    });
    // A transaction may be open for ever then: nobody could read the topics to their ends.
    if (!atRest) return result(['The history did not come to rest'], null);
    const replicas = await Promise.all(
      world.services.map(async (service, k) => ({ name: `p${k}`, ...(await service.model()) })),
    );
    const report = await verify({
      config,
      transport: observer,
      serde,
      replicas,
      snapshot: spec.snapshots === true,
    });
    return result(
      [...report.problems, ...restProblems(report)],
      report.sha256.snapshot ?? report.sha256.log,
    );
  } finally {
    world.end();
    await observer.close();
  }
}

function restProblems(report: VerifyReport): string[] {
  const problems: string[] = [];
  if (report.users.moving > 0) problems.push('Input was not committed');
  if (report.users.owed > 0) problems.push(`Lists are owed to ${report.users.owed} users`);
  return problems;
}

/** Goes on until nothing moves any more; false where that does not happen. */
async function untilRest(
  world: World,
  config: Config,
  spec: HistorySpec,
  isProduced: () => boolean,
): Promise<boolean> {
  let quiet = 0;
  let points = -1;
  for (let turn = 0; turn < PATIENCE_TURNS; turn++) {
    await world.step();
    quiet = world.points === points && !world.waiting ? quiet + 1 : 0;
    points = world.points;
    if (quiet < QUIET_TURNS) continue;
    quiet = 0;
    if (isProduced() && isAtRest(world, config, spec)) return true;
    const next = world.time.nextDueMs();
    if (next !== null) world.time.advanceTo(next);
  }
  return false;
}

function isAtRest(world: World, config: Config, spec: HistorySpec): boolean {
  const { services, log } = world;
  if (services.length === 0) return false;
  const group = log.group(config.appId);
  for (let partition = 0; partition < spec.partitions; partition++) {
    const { high } = log.partition(config.inputTopic, partition);
    if ((group.committed(config.inputTopic, partition) ?? 0n) < BigInt(high)) return false;
  }
  const running = services
    .flatMap((service) => service.tasks())
    .filter(({ state }) => state === 'running');
  if (new Set(running.map(({ partition }) => partition)).size < spec.partitions) return false;
  return services.every(
    (service) =>
      service.readiness().ok &&
      service.owedLists() === 0 &&
      service
        .deltaOffsets()
        .every((offset, p) => offset >= BigInt(log.partition(config.modelDeltasTopic, p).high)),
  );
}
