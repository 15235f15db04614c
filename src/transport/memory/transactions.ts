import { producerFenced, producerNotReady } from '../errors.js';
import type { MemoryLog } from './log.js';
import type { MemoryPartition, MemoryTransactionState } from './partition.js';

export interface GroupOffset {
  readonly groupId: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

interface OpenTransaction {
  readonly state: MemoryTransactionState;
  readonly partitions: Set<MemoryPartition>;
  readonly offsets: GroupOffset[];
  timeout: NodeJS.Timeout | null;
}

interface TransactionalId {
  epoch: number;
  open: OpenTransaction | null;
  timeoutMs: number;
}

/** The transaction coordinator of the in-memory log: epochs, fencing, markers. */
export class TransactionCoordinator {
  readonly #log: MemoryLog;
  readonly #ids = new Map<string, TransactionalId>();

  constructor(log: MemoryLog) {
    this.#log = log;
  }

  /** InitProducerId: raises the epoch, ends what the one before had open, returns the epoch. */
  init(transactionalId: string, timeoutMs: number): number {
    let id = this.#ids.get(transactionalId);
    if (id === undefined) {
      id = { epoch: -1, open: null, timeoutMs };
      this.#ids.set(transactionalId, id);
    }
    id.epoch += 1;
    id.timeoutMs = timeoutMs;
    this.#end(id, 'aborted');
    return id.epoch;
  }

  /** Throws PRODUCER_FENCED or PRODUCER_NOT_READY. */
  check(transactionalId: string, epoch: number): TransactionalId {
    const id = this.#ids.get(transactionalId);
    if (id === undefined || epoch < 0) throw producerNotReady(transactionalId);
    if (id.epoch !== epoch) throw producerFenced(transactionalId);
    return id;
  }

  /** The transaction that records are appended to; `partition` will get its marker. */
  join(transactionalId: string, epoch: number, partition: MemoryPartition): MemoryTransactionState {
    const open = this.#openOf(transactionalId, epoch);
    open.partitions.add(partition);
    return open.state;
  }

  addOffsets(transactionalId: string, epoch: number, offsets: readonly GroupOffset[]): void {
    this.#openOf(transactionalId, epoch).offsets.push(...offsets);
  }

  end(transactionalId: string, epoch: number, outcome: 'committed' | 'aborted'): void {
    this.#end(this.check(transactionalId, epoch), outcome);
  }

  /** Whether a transaction of this id is open. */
  isOpen(transactionalId: string): boolean {
    return (this.#ids.get(transactionalId)?.open ?? null) !== null;
  }

  /** Aborts the open transaction as its timeout does: the producer is fenced as well. */
  expire(transactionalId: string): void {
    const id = this.#ids.get(transactionalId);
    if (id === undefined || id.open === null) return;
    id.epoch += 1;
    this.#end(id, 'aborted');
  }

  #openOf(transactionalId: string, epoch: number): OpenTransaction {
    const id = this.check(transactionalId, epoch);
    if (id.open === null) {
      const timeout = setTimeout(() => this.expire(transactionalId), id.timeoutMs);
      timeout.unref();
      id.open = { state: { outcome: 'open' }, partitions: new Set(), offsets: [], timeout };
    }
    return id.open;
  }

  #end(id: TransactionalId, outcome: 'committed' | 'aborted'): void {
    const open = id.open;
    if (open === null) return;
    id.open = null;
    if (open.timeout !== null) clearTimeout(open.timeout);
    open.state.outcome = outcome;
    if (outcome === 'committed') {
      for (const { groupId, topic, partition, offset } of open.offsets) {
        this.#log.group(groupId).commit(topic, partition, offset);
      }
    }
    for (const partition of open.partitions) partition.end(open.state);
  }
}
