import { publish } from '../diagnostics.js';
import { describeError } from '../errors.js';
import type { Engine, EngineInput } from '../online/engine.js';
import type { User } from '../online/user.js';
import { UserStore } from '../online/user-store.js';
import { LIST_TOO_LARGE, type RecordMaker, taskName } from '../producers/records.js';
import type { InputRange } from '../serde/types.js';
import type { Tracing } from '../telemetry/tracing.js';
import { partitionFor } from '../transport/partitioner.js';
import type { LogRecord, OutgoingRecord, TopicPartition } from '../transport/transport.js';
import { type Cycle, CycleDeltas, deltaPartBytes, type TaskWork, UserOverlay } from './cycle.js';
import type { EventDecoder } from './event-decoder.js';
import type { EncodedList, ListMaker, ListRequest } from './lists.js';
import { OutcomeCounts } from './outcomes.js';
import { Owed } from './owed.js';
import { type ModelReplica, ownDeltaId } from './replica.js';
import { trainSpan } from './training.js';

export interface TaskWorkerOptions {
  readonly app: string;
  readonly partition: TopicPartition;
  /** Of the topic: a user belongs in one of them. */
  readonly partitions: number;
  /** Events of one mini-batch. */
  readonly miniBatch: number;
  /** The same while more of them wait than one transaction takes, where they are cut as they come. */
  readonly catchUpMiniBatch: number;
  readonly maxTransactionEvents: number;
  /** `offset`: mini-batches are windows [k * miniBatch, (k + 1) * miniBatch) of the input; `linger`: as they come. */
  readonly miniBatchCut: 'linger' | 'offset';
  /** That a record may have; deltas are split below. */
  readonly maxRecordBytes: number;
  /** Items of a list. */
  readonly topN: number;
  /** In which domains a touched user gets lists: `all`, `others` than the event's, or names. */
  readonly targetDomains: readonly string[];
  /** The least time between two answers to one user. */
  readonly listIntervalMs: number;
  /** Records behind the end beyond which lists are owed instead of made. */
  readonly catchUpLag: number;
  /** Share of the events that are scored before they are learned. */
  readonly prequentialShare: number;
}

export interface TaskWorkerParts {
  readonly decoder: EventDecoder;
  readonly engine: Engine;
  readonly lists: ListMaker;
  readonly replica: ModelReplica;
  readonly records: RecordMaker;
  readonly tracing: Tracing;
  readonly now: () => number;
  /** Lets the event loop breathe, in the cycle of that number: heartbeats and fetches must not starve. */
  readonly breathe: (cycle: number) => Promise<void>;
  /** Told of an event whose user belongs in another partition. */
  readonly onMisplaced?: (record: LogRecord, userId: string) => void;
}

interface TaskInput extends EngineInput {
  readonly record: LogRecord;
}

/** Debts that a cycle pays at the most, beside the users that it touched. */
const DEBTS_PER_CYCLE = 512;

/**
 * The work of one task without its place in the stream: keeps the users of the partition, turns
 * records into a cycle, takes a cycle back. Knows neither transactions nor the consumer.
 */
export class TaskWorker implements TaskWork {
  readonly #options: TaskWorkerOptions;
  readonly #parts: TaskWorkerParts;
  readonly #users = new UserStore();
  /** Record timestamps of the newest events, for freshness; of those seen since the start only. */
  readonly #timestamps = new Map<string, number>();
  readonly #owed = new Owed();
  #position = 0n;
  /** Number of the cycle that is computed. */
  #cycle = 0;

  constructor(options: TaskWorkerOptions, parts: TaskWorkerParts) {
    this.#options = options;
    this.#parts = parts;
  }

  get userCount(): number {
    return this.#users.size;
  }

  /** Users to whom lists are owed. */
  get owedCount(): number {
    return this.#owed.size;
  }

  /** The user as the last computed cycle left them. Read only. */
  user(userId: string): User | undefined {
    return this.#users.get(userId);
  }

  /** The offset from which the task goes on. */
  startAt(position: bigint): void {
    this.#position = position;
  }

  /** Takes the restored users in. */
  restored(users: Iterable<User>): void {
    for (const user of users) {
      this.#users.set(user);
      if (user.owed) this.#owed.add(user.id, 0);
    }
  }

  /** When there is something to do without new records, or null. `backlog`: records not yet taken. */
  nextDueMs(backlog: number): number | null {
    return backlog > this.#options.catchUpLag ? null : this.#owed.nextDueMs();
  }

  /**
   * Decodes, learns, recommends and encodes. Users and table are changed when it is fulfilled;
   * where it rejects, nothing is.
   */
  async compute(records: readonly LogRecord[], backlog: number): Promise<Cycle> {
    const { partition } = this.#options;
    const { replica } = this.#parts;
    const trace = this.#parts.tracing.batch(records, {
      'messaging.destination.name': partition.topic,
      'messaging.destination.partition.id': partition.partition,
      'messaging.batch.message_count': records.length,
    });
    const sequence = replica.nextSequence();
    this.#cycle = sequence;
    const deltas = new CycleDeltas(
      replica,
      `${taskName(partition)}/${sequence}`,
      deltaPartBytes(this.#options.maxRecordBytes),
    );
    try {
      const users = new UserOverlay(this.#users);
      const learning = trace.span('learn');
      const counts = new OutcomeCounts(this.#options.app, partition);
      await this.#parts.decoder.load(records);
      const miniBatches = this.#miniBatches(records, backlog);
      const deadLetters = await this.#learn(miniBatches, users, deltas, counts);
      learning.end();

      const inputs = this.#inputs(records);
      // Before lists are asked for: whoever makes them has to have what was learned.
      const parts =
        inputs === null
          ? []
          : deltas.coalesce((part) => ownDeltaId(taskName(partition), sequence, part));

      const recommending = trace.span('recommend');
      const now = this.#parts.now();
      const answered = this.#answerable(users, backlog, now);
      const lists = await this.#recommend(answered, users, now);
      recommending.end();

      const begin = performance.now();
      const made = this.#parts.records.recommendations(
        partition.partition,
        lists,
        trace.traceparent(),
      );
      const output = [...made.records, ...made.tooLarge.map(({ deadLetter }) => deadLetter)];
      for (const { domain } of made.tooLarge) counts.add(domain, '', 'dead-letter', LIST_TOO_LARGE);
      for (const user of users.changed.values()) {
        output.push(this.#parts.records.userState(partition.partition, user));
      }
      let deltaBytes = 0;
      if (inputs !== null) {
        const deltaRecords = this.#parts.records.deltas(inputs, sequence, parts);
        for (const record of deltaRecords) deltaBytes += record.value?.length ?? 0;
        output.push(...deltaRecords, ...deadLetters);
      }
      this.#reportEncoded(output, begin);
      const cycle: Cycle = {
        firstOffset: this.#position,
        nextOffset: inputs?.nextOffset ?? null,
        records: records.length,
        outcomes: counts,
        output,
        deltaBytes,
        deltaIds: deltas.ids,
        before: this.#keep(users),
        answeredTimestampsMs: this.#settle(answered),
        trace,
      };
      if (inputs !== null) this.#position = inputs.nextOffset;
      return cycle;
    } catch (error) {
      deltas.withdraw();
      trace.end(error);
      throw error;
    }
  }

  /** Takes back a cycle that was not committed; newer ones have to be taken back before. */
  undo(cycle: Cycle): void {
    for (const id of cycle.deltaIds.toReversed()) this.#parts.replica.withdraw(id);
    for (const [userId, before] of cycle.before) {
      if (before === null) this.#users.delete(userId);
      else this.#users.set(before);
      if (before?.owed) this.#owed.add(userId, 0);
      else this.#owed.delete(userId);
    }
    this.#position = cycle.firstOffset;
  }

  /** Learns one mini-batch after the other; returns the dead letters. */
  async #learn(
    miniBatches: readonly (readonly LogRecord[])[],
    users: UserOverlay,
    deltas: CycleDeltas,
    counts: OutcomeCounts,
  ): Promise<OutgoingRecord[]> {
    const { app, partition } = this.#options;
    const { decoder, engine, records: maker } = this.#parts;
    const deadLetters: OutgoingRecord[] = [];
    for (const window of miniBatches) {
      const begin = performance.now();
      const inputs: TaskInput[] = [];
      for (const record of window) {
        const decoded = decoder.decode(record);
        if ('cause' in decoded) {
          counts.add('', '', 'dead-letter', decoded.cause.reason);
          deadLetters.push(maker.deadLetter(record, decoded.cause));
        } else {
          this.#place(record, decoded.event.userId, counts);
          inputs.push({
            record,
            event: decoded.event,
            offset: record.offset,
            scored: this.#isScored(record.offset),
          });
        }
      }
      const decodedAt = performance.now();
      publish('isthmus:decode', {
        app,
        partition: partition.partition,
        records: window.length,
        seconds: (decodedAt - begin) / 1000,
      });
      const place = { ...partition, partitions: this.#options.partitions };
      const { results, poison } = trainSpan(inputs, { engine, users, deltas, place });
      for (const { input, error } of poison) {
        counts.add(input.event.domain, input.event.action, 'dead-letter', 'poison');
        deadLetters.push(
          maker.deadLetter(input.record, { reason: 'poison', detail: describeError(error) }),
        );
      }
      for (const { inputs: learned, result, seconds } of results) {
        for (const [i, input] of learned.entries()) {
          const reason = result.refused[i] ?? null;
          const { domain, action, userId } = input.event;
          if (reason === null) {
            counts.add(domain, action, 'accepted', '');
            this.#timestamps.set(userId, input.record.timestampMs);
          } else counts.add(domain, action, 'refused', reason);
        }
        if (result.samples.length > 0)
          publish('isthmus:prequential', { app, samples: result.samples });
        for (const pair of result.drifts) publish('isthmus:drift', { app, ...pair });
        publish('isthmus:learn', {
          app,
          partition: partition.partition,
          events: result.delta.events,
          examples: result.examples,
          seconds,
          loss: result.loss,
        });
      }
      await this.#parts.breathe(this.#cycle);
    }
    return deadLetters;
  }

  /** Counts an event that should have come in another partition. */
  #place(record: LogRecord, userId: string, counts: OutcomeCounts): void {
    const { partition, partitions } = this.#options;
    if (partitionFor(userId, partitions) === partition.partition) return;
    counts.addMisplaced();
    this.#parts.onMisplaced?.(record, userId);
  }

  /** The users to answer now: those touched and due, and as many debts as a cycle pays. */
  #answerable(users: UserOverlay, backlog: number, now: number): string[] {
    const { catchUpLag, listIntervalMs } = this.#options;
    const answerable: string[] = [];
    if (backlog > catchUpLag) return answerable;
    for (const [userId, user] of users.changed) {
      if (user.owed && user.lastListAtMs + listIntervalMs <= now) answerable.push(userId);
    }
    for (const userId of this.#owed.due(now, DEBTS_PER_CYCLE)) {
      if (!users.changed.has(userId)) answerable.push(userId);
    }
    return answerable;
  }

  /** Makes the lists of the users, who count as answered then. */
  #recommend(answered: readonly string[], users: UserOverlay, now: number): Promise<EncodedList[]> {
    const requests: ListRequest[] = [];
    for (const userId of answered) {
      const user = users.edit(userId);
      const { basedOn } = user;
      // Nobody is owed lists before the first event.
      if (basedOn === null) continue;
      user.answeredOffset = basedOn.offset;
      user.lastListAtMs = now;
      requests.push({ user, basedOn, domains: this.#targets(user) });
    }
    return this.#parts.lists.make({
      partition: this.#options.partition.partition,
      requests,
      n: this.#options.topN,
      breathe: () => this.#parts.breathe(this.#cycle),
    });
  }

  /** Indices of the domains that the user gets lists for. */
  #targets(user: User): number[] {
    const { model } = this.#parts.replica;
    const { targetDomains } = this.#options;
    const targets: number[] = [];
    for (let index = 0; index < model.domainCount; index += 1) {
      const name = model.domainName(index);
      if (model.rowsOf(index).length === 0) continue;
      const wanted =
        targetDomains.includes('all') ||
        targetDomains.includes(name) ||
        (targetDomains.includes('others') && newestDomain(user) !== index);
      if (wanted) targets.push(index);
    }
    return targets;
  }

  /** Puts the changed users in their places; returns who stood there before. */
  #keep(users: UserOverlay): Map<string, User | null> {
    const before = new Map<string, User | null>();
    for (const [userId, user] of users.changed) {
      before.set(userId, this.#users.get(userId) ?? null);
      this.#users.set(user);
      if (user.owed) this.#owed.add(userId, user.lastListAtMs + this.#options.listIntervalMs);
      else this.#owed.delete(userId);
    }
    return before;
  }

  /** Record timestamps of the answered events, which are forgotten. */
  #settle(answered: readonly string[]): number[] {
    const timestamps: number[] = [];
    for (const userId of answered) {
      const timestamp = this.#timestamps.get(userId);
      if (timestamp !== undefined) timestamps.push(timestamp);
      this.#timestamps.delete(userId);
    }
    return timestamps;
  }

  #inputs(records: readonly LogRecord[]): InputRange | null {
    const last = records.at(-1);
    if (last === undefined) return null;
    return {
      ...this.#options.partition,
      firstOffset: this.#position,
      nextOffset: last.offset + 1n,
      records: records.length,
    };
  }

  /** Records by mini-batch: by window of the input, so that they are cut alike however they are fetched, or as few as hold them. */
  #miniBatches(records: readonly LogRecord[], backlog: number): LogRecord[][] {
    const { miniBatch, miniBatchCut, catchUpMiniBatch, maxTransactionEvents } = this.#options;
    if (miniBatchCut === 'linger') {
      const isBehind = records.length + backlog > maxTransactionEvents;
      const most = isBehind ? Math.max(miniBatch, catchUpMiniBatch) : miniBatch;
      return Array.from({ length: Math.ceil(records.length / most) }, (_, i) =>
        records.slice(i * most, (i + 1) * most),
      );
    }
    const size = BigInt(miniBatch);
    const windows: LogRecord[][] = [];
    let window = -1n;
    for (const record of records) {
      const at = record.offset / size;
      if (at === window) windows.at(-1)?.push(record);
      else windows.push([record]);
      window = at;
    }
    return windows;
  }

  /** By offset alone, so that a repeated cycle scores the same events. */
  #isScored(offset: bigint): boolean {
    const mixed = Math.imul(Number(offset & 0xffffffffn), 0x9e3779b1) >>> 0;
    return mixed < this.#options.prequentialShare * 0x100000000;
  }

  #reportEncoded(output: readonly OutgoingRecord[], begin: number): void {
    publish('isthmus:encode', {
      app: this.#options.app,
      partition: this.#options.partition.partition,
      records: output.length,
      bytes: output.reduce((sum, record) => sum + (record.value?.length ?? 0), 0),
      seconds: (performance.now() - begin) / 1000,
    });
  }
}

/** The domain of the user's newest event, by event time; -1 for a user without history. */
function newestDomain(user: User): number {
  let newest = -1;
  let newestMs = Number.NEGATIVE_INFINITY;
  for (const { domain, times } of user.histories) {
    const last = times.at(-1) ?? Number.NEGATIVE_INFINITY;
    if (last < newestMs) continue;
    newest = domain;
    newestMs = last;
  }
  return newest;
}
