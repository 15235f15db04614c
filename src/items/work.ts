import { publish } from '../diagnostics.js';
import { contentDelta } from '../online/content/delta.js';
import { describeItems } from '../online/content/describe.js';
import type { ContentEncoder, EncodedContent } from '../online/content/encoder.js';
import type { DeadLetterCause } from '../producers/dead-letter.js';
import { type RecordMaker, taskName } from '../producers/records.js';
import { UndecodableError } from '../serde/errors.js';
import type { Serde } from '../serde/serde.js';
import { type Cycle, CycleDeltas, deltaPartBytes, type TaskWork } from '../tasks/cycle.js';
import { type ModelReplica, ownDeltaId } from '../tasks/replica.js';
import type { Tracing } from '../telemetry/tracing.js';
import type { LogRecord, OutgoingRecord, TopicPartition } from '../transport/transport.js';
import { type VectorLengths, validateItem } from './validation.js';

export interface ItemsWorkOptions {
  readonly app: string;
  readonly partition: TopicPartition;
  /** Partitions of the delta topic. */
  readonly deltaPartitions: number;
  readonly maxRecordBytes: number;
  readonly vectors: VectorLengths;
}

export interface ItemsWorkParts {
  readonly serde: Serde;
  readonly encoder: ContentEncoder;
  readonly replica: ModelReplica;
  readonly records: RecordMaker;
  readonly tracing: Tracing;
}

/**
 * Turns the records of a partition of the items topic into what has to be added to the model for the
 * items to be so described: what is new less what is there. Only this task writes the content of its
 * items, so nobody else changes what is there meanwhile; what is in the table and not committed yet is
 * its own, and is taken back before what stands on it.
 *
 * A record whose key is the item's id alone speaks for the item of that id in all domains: if it names
 * another domain than the last one did, what was said of the item there is taken back.
 */
export class ItemsWork implements TaskWork {
  readonly #options: ItemsWorkOptions;
  readonly #parts: ItemsWorkParts;
  #position = 0n;

  constructor(options: ItemsWorkOptions, parts: ItemsWorkParts) {
    this.#options = options;
    this.#parts = parts;
  }

  startAt(position: bigint): void {
    this.#position = position;
  }

  nextDueMs(): null {
    return null;
  }

  async compute(records: readonly LogRecord[]): Promise<Cycle> {
    const { partition, deltaPartitions, maxRecordBytes } = this.#options;
    const { replica, records: maker, serde, tracing } = this.#parts;
    await serde.load(records.map(({ value }) => value));
    const sequence = replica.nextSequence();
    const refused = new Map<string, number>();
    const output: OutgoingRecord[] = [];
    const said = new Map<string, EncodedContent | null>();
    for (const record of records) {
      const cause = this.#read(record, said);
      if (cause === null) continue;
      refused.set(cause.reason, (refused.get(cause.reason) ?? 0) + 1);
      output.push(maker.deadLetter(record, cause));
    }
    const deltas = new CycleDeltas(
      replica,
      `${taskName(partition)}/${sequence}`,
      deltaPartBytes(maxRecordBytes),
    );
    const firstOffset = this.#position;
    const nextOffset = (records.at(-1)?.offset ?? firstOffset - 1n) + 1n;
    let deltaBytes = 0;
    const content = describeItems(replica.model, said);
    if (content.keys.length > 0) {
      deltas.add(contentDelta(content));
      const inputs = { ...partition, firstOffset, nextOffset, records: records.length };
      const parts = deltas.coalesce((part) => ownDeltaId(taskName(partition), sequence, part));
      const made = maker.deltas(inputs, sequence, parts, partition.partition % deltaPartitions);
      for (const record of made) deltaBytes += record.value?.length ?? 0;
      output.push(...made);
    }
    this.#position = nextOffset;
    return {
      firstOffset,
      nextOffset: records.length === 0 ? null : nextOffset,
      records: records.length,
      outcomes: { publish: () => this.#publish(refused) },
      output,
      deltaBytes,
      deltaIds: deltas.ids,
      before: new Map(),
      answeredTimestampsMs: [],
      trace: tracing.batch(records, {
        'messaging.destination.name': partition.topic,
        'messaging.destination.partition.id': partition.partition,
        'messaging.batch.message_count': records.length,
      }),
    };
  }

  undo(cycle: Cycle): void {
    for (const id of cycle.deltaIds.toReversed()) this.#parts.replica.withdraw(id);
    this.#position = cycle.firstOffset;
  }

  /** Takes down what a record says, by model key; returns why it says nothing. */
  #read(record: LogRecord, said: Map<string, EncodedContent | null>): DeadLetterCause | null {
    const key = record.key?.toString() ?? '';
    if (key === '') return { reason: 'item-key', detail: 'an item has no key' };
    if (record.value === null) {
      for (const place of this.#placesOf(key, said)) said.set(place, null);
      return null;
    }
    try {
      const item = this.#parts.serde.items.decode(record.value);
      const cause = validateItem(item, key, this.#options.vectors);
      if (cause !== null) return cause;
      const own = `${item.domain}/${item.itemId}`;
      if (key === item.itemId) {
        for (const place of this.#placesOf(key, said)) if (place !== own) said.set(place, null);
      }
      said.set(own, this.#parts.encoder.encode(item));
      return null;
    } catch (error) {
      if (!(error instanceof UndecodableError)) throw error;
      return { reason: error.reason, detail: error.message };
    }
  }

  /** The items for which a key speaks: `domain/itemId` for one, an id for those of all domains. */
  #placesOf(key: string, said: ReadonlyMap<string, EncodedContent | null>): string[] {
    const { model } = this.#parts.replica;
    const places: string[] = [];
    const known = (place: string): void => {
      const slash = place.indexOf('/');
      const row = model.find(place.slice(0, slash), place.slice(slash + 1));
      if (said.has(place) || (row >= 0 && !model.content.store.isFree(row))) places.push(place);
    };
    if (key.includes('/')) known(key);
    for (let domain = 0; domain < model.domainCount; domain++) {
      known(`${model.domainName(domain)}/${key}`);
    }
    // Domains of which the model has not heard before this cycle.
    for (const place of said.keys()) {
      const own = place.slice(place.indexOf('/') + 1) === key;
      if (own && !places.includes(place)) places.push(place);
    }
    return places;
  }

  #publish(refused: ReadonlyMap<string, number>): void {
    const { app } = this.#options;
    for (const [reason, count] of refused) {
      const counted = { domain: '', action: '', outcome: 'dead-letter' as const, reason, count };
      publish('isthmus:event', { app, ...counted });
    }
  }
}
