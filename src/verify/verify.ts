import type { Config } from '../config.js';
import type { Serde } from '../serde/serde.js';
import type { UserStateRecord } from '../serde/types.js';
import type {
  LogAdmin,
  LogReader,
  LogRecord,
  Transport,
  Watermarks,
} from '../transport/transport.js';
import { InputCoverage } from './coverage.js';
import { Lineage } from './lineage.js';
import { ModelOfLog } from './model-of-log.js';
import { Oracle, type OracleUser, stateFault } from './oracle.js';
import { readBetween } from './read.js';
import { Problems, type ReplicaModel, type VerifyReport } from './report.js';

export interface VerifyOptions {
  readonly config: Config;
  readonly transport: Transport;
  readonly serde: Serde;
  /** Models of replicas, asked for before: they are compared at their own offsets. */
  readonly replicas?: readonly ReplicaModel[];
  /** Whether the input is read and the oracle computed; true by default. */
  readonly input?: boolean;
}

/**
 * Says, from the topics alone, whether each input event counts exactly once: in the deltas, in the
 * users' state, in the lists, in the dead letters; and whether all models are the same.
 *
 * The application may be running: then users that are touched while the topics are read are left
 * out, and everything else is compared at offsets that fit together.
 *
 * Errors: TOPIC_MISSING (usage); UNDECODABLE_RECORD (fatal).
 */
export async function verify(options: VerifyOptions): Promise<VerifyReport> {
  const { transport, config } = options;
  const admin = await transport.admin();
  const failed = new AbortController();
  const topics = [
    config.inputTopic,
    config.modelDeltasTopic,
    config.userStateTopic,
    config.recommendationsTopic,
    config.deadLetterTopic,
  ];
  const reader = transport.reader(topics, (error) => failed.abort(error));
  try {
    await reader.run();
    return await new Verification(options, admin, reader, failed.signal).run();
  } finally {
    await reader.close();
    await admin.close();
  }
}

class Verification {
  readonly #options: VerifyOptions;
  readonly #admin: LogAdmin;
  readonly #reader: LogReader;
  readonly #signal: AbortSignal;
  readonly #problems = new Problems();
  readonly #coverage = new InputCoverage();
  readonly #lineage = new Lineage();
  readonly #states = new Map<string, UserStateRecord>();
  /** `partition/offset` of dead letters that are poison, and how often each place is a dead letter. */
  readonly #poison = new Set<string>();
  readonly #dead = new Map<string, { reason: string; count: number }>();

  constructor(options: VerifyOptions, admin: LogAdmin, reader: LogReader, signal: AbortSignal) {
    this.#options = options;
    this.#admin = admin;
    this.#reader = reader;
    this.#signal = signal;
  }

  async run(): Promise<VerifyReport> {
    const { config, serde, replicas = [] } = this.#options;
    const problems = this.#problems;
    // What was read below the committed offsets is in all topics below the marks that are asked for
    // after them; and what is below those is in the deltas, whose marks are asked for last.
    const committed = await this.#admin.committed(config.appId, config.inputTopic);
    const settled = new Map(committed.map((offset, partition) => [partition, offset ?? 0n]));
    const states = await this.#admin.watermarks(config.userStateTopic);
    const lists = await this.#admin.watermarks(config.recommendationsTopic);
    const dead = await this.#admin.watermarks(config.deadLetterTopic);
    const deltas = await this.#admin.watermarks(config.modelDeltasTopic);
    const input = await this.#admin.watermarks(config.inputTopic);

    const whole = deltas.every(({ low }) => low === 0n);
    const lowest = replicas.length === 0 ? null : deltas.map((_, p) => minimum(replicas, p));
    const log = new ModelOfLog(config, lowest);
    await this.#read(config.modelDeltasTopic, deltas, (record) => {
      const delta = serde.deltas.decode(record.value);
      this.#coverage.add(delta);
      log.add(record.partition, record.offset, delta);
    });
    await this.#read(config.userStateTopic, states, (record) => this.#takeState(record));
    await this.#read(config.recommendationsTopic, lists, (record) =>
      this.#lineage.add(record.partition, serde.lists.decode(record.value)),
    );
    await this.#read(config.deadLetterTopic, dead, (record) => this.#takeDeadLetter(record));

    const fromStart = input.every(({ low }) => low === 0n);
    const oracle = this.#options.input !== false && fromStart ? await this.#ask(input) : null;
    const begin = new Map(
      whole && fromStart ? input.map((_, partition) => [partition, 0n] as const) : [],
    );
    const inputOffsets = this.#coverage.report(begin, oracle !== null);
    this.#reportCoverage(inputOffsets);
    if (whole && oracle !== null && oracle.accepted !== log.model.trainedEvents) {
      problems.add(
        'trained events',
        `The deltas train ${log.model.trainedEvents} events, the input has ${oracle.accepted} to train`,
      );
    }
    const sha256 = this.#compareModels(log, whole);
    const users = this.#compareUsers(oracle, settled);
    const deadLetters = this.#compareDeadLetters(oracle, settled, dead);
    return {
      ok: problems.sentences.length === 0,
      problems: problems.sentences,
      inputOffsets,
      trainedEvents: log.model.trainedEvents,
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
      lists: {
        lists: this.#lineage.lists,
        notIncreasing: this.#lineage.notIncreasing,
        notLast: problems.count('newest lists'),
      },
      deadLetters,
    };
  }

  #read(topic: string, marks: readonly Watermarks[], take: (record: LogRecord) => void) {
    return readBetween(this.#reader, topic, marks, take, this.#signal);
  }

  #takeState(record: LogRecord): void {
    const key = `${record.partition}/${record.key?.toString()}`;
    if (record.value === null) this.#states.delete(key);
    else this.#states.set(key, this.#options.serde.userStates.decode(record.value));
  }

  #takeDeadLetter({ headers }: LogRecord): void {
    if (String(headers['isthmus.topic']) !== this.#options.config.inputTopic) return;
    const reason = String(headers['isthmus.reason']);
    const place = `${headers['isthmus.partition']}/${headers['isthmus.offset']}`;
    const known = this.#dead.get(place);
    if (known === undefined) this.#dead.set(place, { reason, count: 1 });
    else known.count += 1;
    if (reason === 'poison') this.#poison.add(place);
  }

  /** The oracle of the input up to where the deltas count it. */
  async #ask(input: readonly Watermarks[]): Promise<Oracle> {
    const { serde, config } = this.#options;
    const oracle = new Oracle(serde, config, this.#poison);
    const marks = input.map(({ low, high }, partition) => {
      return { low, high: least(this.#coverage.end(partition), high) };
    });
    const values: LogRecord[] = [];
    const flush = (): void => {
      for (const record of values.splice(0)) oracle.take(record);
    };
    await this.#read(config.inputTopic, marks, (record) => {
      this.#coverage.input(record.partition, record.offset);
      values.push(record);
    });
    await serde.load(values.map((record) => record.value));
    flush();
    return oracle;
  }

  #reportCoverage({ gaps, overlaps, torn, miscounted }: VerifyReport['inputOffsets']): void {
    const add = (count: number, sentence: string): void => {
      if (count > 0) this.#problems.add('input offsets', sentence);
    };
    add(gaps, `${gaps} stretches of the input are in no delta`);
    add(overlaps, `${overlaps} stretches of the input are in more than one delta`);
    add(torn, `${torn} deltas are not there with each of their parts once`);
    add(miscounted, `${miscounted} deltas count another number of records than the input has`);
  }

  #compareModels(log: ModelOfLog, whole: boolean): VerifyReport['sha256'] {
    const replicas: Record<string, string> = {};
    const sha256 = log.model.digest();
    for (const replica of this.#options.replicas ?? []) {
      replicas[replica.name] = replica.sha256;
      if (!whole) continue;
      const there = log.at(replica.deltaOffsets);
      if (there.sha256 === replica.sha256 && there.trainedEvents === replica.trainedEvents)
        continue;
      this.#problems.add(
        'replicas',
        `The replica ${replica.name} has ${replica.trainedEvents} events and the hash ${replica.sha256} at offsets ${replica.deltaOffsets.join(', ')}; the log gives ${there.trainedEvents} and ${there.sha256}`,
      );
    }
    return { log: whole ? sha256 : null, snapshot: null, replicas };
  }

  #compareUsers(
    oracle: Oracle | null,
    settled: ReadonlyMap<number, bigint>,
  ): VerifyReport['users'] {
    let checked = 0;
    let moving = 0;
    let owed = 0;
    for (const state of this.#states.values()) {
      if (state.basedOn !== null && state.basedOn.offset > state.answeredOffset) owed += 1;
    }
    for (const [key, expected] of oracle?.users ?? []) {
      if (expected.touchedOffset >= (settled.get(expected.partition) ?? 0n)) {
        moving += 1;
        continue;
      }
      checked += 1;
      const state = this.#states.get(key);
      const fault = state === undefined ? 'there is no state' : stateFault(expected, state);
      if (fault !== null) {
        this.#problems.add(
          'user states',
          `The state of user ${expected.userId} in partition ${expected.partition} is wrong: ${fault}`,
        );
      } else if (state !== undefined) this.#checkNewest(expected, state);
    }
    if (oracle !== null) {
      for (const [key, state] of this.#states) {
        if (oracle.users.has(key)) continue;
        this.#problems.add('user states', `User ${state.userId} has a state, but no events`);
      }
    }
    if (this.#lineage.notIncreasing > 0) {
      this.#problems.add(
        'lists',
        `${this.#lineage.notIncreasing} lists are not based on a later event than the one before`,
      );
    }
    const wrong = this.#problems.count('user states');
    return { states: this.#states.size, checked, wrong, moving, owed };
  }

  /** The newest lists are based on the last event that was answered. */
  #checkNewest({ partition, userId }: OracleUser, state: UserStateRecord): void {
    const { targetDomains, excludeTouched } = this.#options.config;
    const newest = this.#lineage.of(partition, userId);
    const answered = state.answeredOffset;
    const complain = (what: string): void =>
      this.#problems.add('newest lists', `User ${userId} in partition ${partition}: ${what}`);
    if (newest.size === 0) {
      if (answered >= 0n && excludeTouched === 'none' && targetDomains.includes('all'))
        complain('was answered, but has no list');
      return;
    }
    const touched = new Set(
      state.histories.flatMap(({ domain, entries }) =>
        entries.map(({ itemId }) =>
          excludeTouched === 'any-domain' ? itemId : `${domain}/${itemId}`,
        ),
      ),
    );
    const behind: string[] = [];
    for (const [domain, { offset, items }] of newest) {
      if (offset > answered)
        complain(`the list of ${domain} is based on ${offset}, past ${answered}`);
      if (offset >= answered) continue;
      // A later event may have left nothing to recommend, if it has touched what was left.
      const left = items.some(
        (item) => !touched.has(excludeTouched === 'any-domain' ? item : `${domain}/${item}`),
      );
      if (left || excludeTouched === 'none') behind.push(`${domain} on ${offset}`);
    }
    // Where the domain of an event gets no list of its own, that of another one is the newest.
    const enough = targetDomains.includes('others') ? newest.size : 1;
    if (behind.length >= enough)
      complain(`the newest list of ${behind.join(', ')}, not ${answered}`);
  }

  #compareDeadLetters(
    oracle: Oracle | null,
    settled: ReadonlyMap<number, bigint>,
    dead: readonly Watermarks[],
  ): VerifyReport['deadLetters'] {
    let found = 0;
    let missing = 0;
    let unexpected = 0;
    for (const { count } of this.#dead.values()) found += count;
    if (oracle !== null && dead.every(({ low }) => low === 0n)) {
      const expected = new Map(
        oracle.deadLetters.map(({ partition, offset, reason }) => [
          `${partition}/${offset}`,
          { partition, offset, reason },
        ]),
      );
      for (const [place, { partition, offset, reason }] of expected) {
        if (this.#dead.get(place)?.reason === reason) continue;
        if (offset >= (settled.get(partition) ?? 0n)) continue;
        missing += 1;
        this.#problems.add('dead letters', `${place} (${reason}) is missing in the dead letters`);
      }
      for (const [place, { reason, count }] of this.#dead) {
        const known = reason === 'poison' || expected.get(place)?.reason === reason;
        if (known && count === 1) continue;
        unexpected += 1;
        const times = count === 1 ? 'should not be' : `is ${count} times`;
        this.#problems.add('dead letters', `${place} (${reason}) ${times} in the dead letters`);
      }
    }
    return { found, poison: this.#poison.size, missing, unexpected };
  }
}

function minimum(replicas: readonly ReplicaModel[], partition: number): bigint {
  return replicas.map(({ deltaOffsets }) => deltaOffsets[partition] ?? 0n).reduce(least);
}

function least(a: bigint, b: bigint): bigint {
  if (a < b) return a;
  return b;
}
