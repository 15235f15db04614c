import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config.js';
import { Preprocessor } from '../online/preprocess/preprocessor.js';
import { DEAD_LETTER } from '../producers/dead-letter.js';
import { repartitionGroup } from '../repartition/step.js';
import type { Serde } from '../serde/serde.js';
import type { UserStateRecord } from '../serde/types.js';
import { rebuildModel } from '../snapshots/rebuild.js';
import { matchingInputs, taskTopic } from '../topics.js';
import type {
  LogAdmin,
  LogReader,
  LogRecord,
  Transport,
  Watermarks,
} from '../transport/transport.js';
import { Copies, type CopiesReport } from './copies.js';
import { InputCoverage } from './coverage.js';
import { DeadLetters } from './dead-letters.js';
import { Lineage } from './lineage.js';
import { type ComparedModel, compareModels, ModelOfLog } from './model-of-log.js';
import { Oracle } from './oracle.js';
import { readBetween } from './read.js';
import { Problems, type ReplicaModel, type VerifyReport } from './report.js';
import { compareUsers } from './users.js';

export interface VerifyOptions {
  readonly config: Config;
  readonly transport: Transport;
  readonly serde: Serde;
  /** Models of replicas, asked for before: they are compared at their own offsets. */
  readonly replicas?: readonly ReplicaModel[];
  /** Whether the input is read and the oracle computed; true by default. */
  readonly input?: boolean;
  /** Whether the newest snapshot is loaded and compared; true by default. */
  readonly snapshot?: boolean;
  /**
   * How long lists may be due in partitions without other work before that is a problem, in
   * milliseconds; 0 by default. They are made a moment after the last event.
   */
  readonly patienceMs?: number;
}

/** Between two looks, where the first finds lists that are due. */
const LOOK_AGAIN_MS = 500;
/** So many offsets beyond what is committed may be markers of transactions alone. */
const MOST_MARKERS = 1_000n;

/**
 * Says, from the topics alone, whether each input event counts exactly once: in the deltas, in the
 * users' state, in the lists, in the dead letters; and whether all models are the same.
 *
 * The application may be running: then users that are touched while the topics are read are left
 * out, and everything else is compared at offsets that fit together. What is in open transactions is
 * not waited for.
 *
 * Errors: TOPIC_MISSING (usage); UNDECODABLE_RECORD (fatal); those of `rebuildModel`.
 */
export async function verify(options: VerifyOptions): Promise<VerifyReport> {
  const { transport, config } = options;
  const admin = await transport.admin();
  const failed = new AbortController();
  const inputs = config.repartition
    ? matchingInputs(config, await admin.listTopics()).map(({ topic }) => topic)
    : [];
  const topics = [
    ...inputs,
    taskTopic(config),
    config.modelDeltasTopic,
    config.userStateTopic,
    config.recommendationsTopic,
    config.deadLetterTopic,
  ];
  const reader = transport.reader(topics, (error) => failed.abort(error));
  try {
    await reader.run();
    const end = performance.now() + (options.patienceMs ?? 0);
    for (;;) {
      const report = await new Verification(options, admin, reader, inputs, failed.signal).run();
      if (report.users.overdue === 0 || performance.now() >= end) return report;
      await sleep(LOOK_AGAIN_MS);
    }
  } finally {
    await reader.close();
    await admin.close();
  }
}

class Verification {
  readonly #options: VerifyOptions;
  readonly #admin: LogAdmin;
  readonly #reader: LogReader;
  /** The topics of which the step before the tasks makes copies; none where there is no such step. */
  readonly #inputs: readonly string[];
  readonly #signal: AbortSignal;
  readonly #problems = new Problems();
  readonly #coverage = new InputCoverage();
  readonly #lineage = new Lineage();
  readonly #dead = new DeadLetters();
  readonly #states = new Map<string, UserStateRecord>();

  constructor(
    options: VerifyOptions,
    admin: LogAdmin,
    reader: LogReader,
    inputs: readonly string[],
    signal: AbortSignal,
  ) {
    this.#options = options;
    this.#admin = admin;
    this.#reader = reader;
    this.#inputs = inputs;
    this.#signal = signal;
  }

  async run(): Promise<VerifyReport> {
    const { config, serde, transport, replicas = [] } = this.#options;
    const problems = this.#problems;
    const inputTopic = taskTopic(config);
    const rebuilt = this.#options.snapshot === false ? null : await rebuildModel(transport, config);
    // What was read below the committed offsets is in all topics below the marks that are asked for
    // after them; and what is below those is in the deltas, whose marks are asked for last.
    const copied = await this.#copied();
    const committed = await this.#admin.committed(config.appId, inputTopic);
    const settled = new Map(committed.map((offset, partition) => [partition, offset ?? 0n]));
    const states = await this.#marks(config.userStateTopic);
    const lists = await this.#marks(config.recommendationsTopic);
    const statesAfter = await this.#marks(config.userStateTopic);
    const dead = await this.#marks(config.deadLetterTopic);
    const deltas = await this.#marks(config.modelDeltasTopic);
    const input = await this.#marks(inputTopic);
    const nowMs = Date.now();
    const resting = await this.#resting(inputTopic, input, settled);

    const compared: ComparedModel[] = replicas.map((replica) => ({ ...replica }));
    if (rebuilt !== null && rebuilt.snapshot !== null) {
      const { model, deltaOffsets } = rebuilt;
      const { trainedEvents } = model;
      compared.push({ name: null, sha256: model.digest(), trainedEvents, deltaOffsets });
    }
    const log = new ModelOfLog(config, deltas, compared);
    await this.#read(config.modelDeltasTopic, deltas, (record) => {
      const delta = serde.deltas.decode(record.value);
      // Those of the items topic count nothing of the input.
      if (delta.inputs.topic !== config.itemsTopic) this.#coverage.add(delta);
      log.add(record.partition, record.offset, delta);
    });
    await this.#read(config.userStateTopic, states, (record) => this.#takeState(record));
    await this.#read(config.recommendationsTopic, lists, (record) =>
      this.#lineage.add(record.partition, serde.lists.decode(record.value)),
    );
    await this.#read(config.deadLetterTopic, dead, (record) => {
      const origin = record.headers[DEAD_LETTER.topic]?.toString();
      if (origin !== config.itemsTopic) this.#dead.take(record);
    });

    const fromStart = input.every(({ low }) => low === 0n);
    const asked = this.#options.input !== false && fromStart;
    const oracle = asked ? await this.#ask(inputTopic, input, settled) : null;
    const begin = new Map(
      log.whole && fromStart ? input.map((_, partition) => [partition, 0n] as const) : [],
    );
    const inputOffsets = this.#coverage.report(begin, oracle !== null);
    this.#reportOffsets(inputOffsets);
    const { sha256, trainedEvents } = compareModels(log, compared, problems);
    if (oracle !== null && trainedEvents !== null && oracle.accepted !== trainedEvents) {
      problems.add(
        'trained events',
        `The model has ${trainedEvents} events, the input has ${oracle.accepted} to train`,
      );
    }
    const users = compareUsers({
      config,
      oracle,
      states: this.#states,
      lineage: this.#lineage,
      hasAllLists: (partition) => lists[partition]?.low === 0n,
      isQuiet: (partition) => {
        const after = statesAfter[partition];
        return after !== undefined && !after.open && after.high === states[partition]?.high;
      },
      oversized: this.#dead.oversized,
      settled,
      isResting: (partition) => resting.has(partition),
      nowMs,
      problems,
    });
    const beforeTasks =
      config.repartition && this.#options.input !== false
        ? await this.#compareCopies(copied, input)
        : null;
    // The step before the tasks keeps what cannot be used out of their input.
    const expected = config.repartition
      ? (beforeTasks?.copies.deadLetters ?? null)
      : (oracle?.deadLetters.map((letter) => ({
          ...letter,
          settled: letter.offset < (settled.get(letter.partition) ?? 0n),
        })) ?? null);
    const complete = dead.every(({ low, open }) => low === 0n && !open);
    const deadLetters = this.#dead.compare(expected, complete, problems);
    return {
      ok: problems.sentences.length === 0,
      problems: problems.sentences,
      inputOffsets,
      trainedEvents: trainedEvents ?? log.model.trainedEvents,
      sha256,
      oracle:
        oracle === null
          ? null
          : {
              accepted: oracle.accepted,
              refused: oracle.refused,
              users: oracle.users.size,
              deadLetters: oracle.deadLetters.length,
            },
      users,
      lists: this.#lists(),
      deadLetters,
      copies: beforeTasks?.report ?? null,
    };
  }

  #lists(): VerifyReport['lists'] {
    const { lists, notIncreasing } = this.#lineage;
    return { lists, notIncreasing, notLast: this.#problems.count('newest lists') };
  }

  /** From the first offset to the last stable one; `open`: whether a transaction is open above it. */
  async #marks(topic: string): Promise<(Watermarks & { readonly open: boolean })[]> {
    const [marks, stable] = await Promise.all([
      this.#admin.watermarks(topic),
      this.#admin.lastStable(topic),
    ]);
    return marks.map(({ low, high }, partition) => {
      const end = stable[partition] ?? low;
      return { low, high: end, open: end < high };
    });
  }

  #read(topic: string, marks: readonly Watermarks[], take: (record: LogRecord) => void) {
    return readBetween(this.#reader, topic, marks, take, this.#signal);
  }

  #takeState(record: LogRecord): void {
    const key = `${record.partition}/${record.key?.toString()}`;
    if (record.value === null) this.#states.delete(key);
    else this.#states.set(key, this.#options.serde.userStates.decode(record.value));
  }

  /** The partitions of which all input is committed; behind that there may be markers. */
  async #resting(
    topic: string,
    input: readonly (Watermarks & { readonly open: boolean })[],
    settled: ReadonlyMap<number, bigint>,
  ): Promise<Set<number>> {
    const rest = input.map(({ low, high }, partition) => {
      const at = greatest(low, settled.get(partition) ?? 0n);
      // Where there is much more than markers could be, nobody need look.
      return { low: at, high: high - at > MOST_MARKERS ? at : greatest(at, high) };
    });
    const busy = new Set<number>();
    await this.#read(topic, rest, ({ partition }) => void busy.add(partition));
    const partitions = input
      .map(({ high, open }, partition) => ({
        partition,
        whole: rest[partition]!.high >= high && !open,
      }))
      .filter(({ partition, whole }) => whole && !busy.has(partition));
    return new Set(partitions.map(({ partition }) => partition));
  }

  /** The oracle of the input up to where the deltas count it. */
  async #ask(
    topic: string,
    input: readonly Watermarks[],
    settled: ReadonlyMap<number, bigint>,
  ): Promise<Oracle> {
    const { serde, config } = this.#options;
    const oracle = new Oracle(serde, config, this.#dead.poison);
    const marks = input.map(({ low, high }, partition) => ({
      low,
      // Of a partition whose deltas were all deleted, the committed offset is known.
      high: least(greatest(this.#coverage.end(partition), settled.get(partition) ?? 0n), high),
    }));
    const records: LogRecord[] = [];
    await this.#read(topic, marks, (record) => {
      this.#coverage.input(record.partition, record.offset);
      records.push(record);
    });
    await serde.load(records.map((record) => record.value));
    for (const record of records) oracle.take(record);
    return oracle;
  }

  /**
   * Compares the copies with what the step before the tasks has read; null where there is no such step.
   *
   * @param read Of each input, the offsets that the step had committed before `marks` were asked for.
   */
  async #compareCopies(
    read: ReadonlyMap<string, readonly bigint[]>,
    marks: readonly Watermarks[],
  ): Promise<{ copies: Copies; report: CopiesReport }> {
    const { serde, config } = this.#options;
    const copies = new Copies({
      serde,
      preprocessor: new Preprocessor(config),
      partitions: marks.length,
      problems: this.#problems,
    });
    await this.#read(config.repartitionTopic, marks, (record) => copies.takeCopy(record));
    const complete = marks.every(({ low }) => low === 0n);
    const lows = new Map<string, readonly bigint[]>();
    for (const [topic, ends] of read) {
      const inputs = await this.#marks(topic);
      lows.set(
        topic,
        inputs.map(({ low }) => low),
      );
      const records: LogRecord[] = [];
      await this.#read(topic, inputs, (record) => void records.push(record));
      await serde.load(records.map((record) => record.value));
      for (const record of records) {
        const settled = record.offset < (ends[record.partition] ?? 0n);
        copies.takeOriginal(record, { settled, complete });
      }
    }
    const report = copies.report(
      (topic, partition, offset) => offset < (lows.get(topic)?.[partition] ?? 0n),
    );
    return { copies, report };
  }

  /** Of each input topic, what the step before the tasks has committed, by partition. */
  async #copied(): Promise<Map<string, readonly bigint[]>> {
    const { config } = this.#options;
    const group = repartitionGroup(config.appId);
    const committed = new Map<string, readonly bigint[]>();
    for (const topic of this.#inputs) {
      const offsets = await this.#admin.committed(group, topic);
      committed.set(
        topic,
        offsets.map((offset) => offset ?? 0n),
      );
    }
    return committed;
  }

  #reportOffsets({ gaps, overlaps, torn, miscounted }: VerifyReport['inputOffsets']): void {
    const add = (count: number, sentence: string): void => {
      if (count > 0) this.#problems.add('input offsets', sentence);
    };
    add(gaps, `${gaps} stretches of the input are in no delta`);
    add(overlaps, `${overlaps} stretches of the input are in more than one delta`);
    add(torn, `${torn} deltas are not there with each of their parts once`);
    add(miscounted, `${miscounted} deltas count another number of records than the input has`);
    const { notIncreasing } = this.#lineage;
    if (notIncreasing === 0) return;
    const sentence = `${notIncreasing} lists are not based on a later event than the one before`;
    this.#problems.add('lists', sentence);
  }
}

function least(a: bigint, b: bigint): bigint {
  if (a < b) return a;
  return b;
}

function greatest(a: bigint, b: bigint): bigint {
  return least(a, b) === a ? b : a;
}
