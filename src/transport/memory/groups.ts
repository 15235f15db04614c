import type { TopicPartition } from '../transport.js';

export interface GroupMember {
  /** Whether the member reads the topic. */
  subscribes(topic: string): boolean;
  /** Called at each rebalance, before anything of the new generation is delivered. */
  assign(generation: number, partitions: readonly TopicPartition[]): void;
}

/**
 * A consumer group: members, generation, committed offsets. Every change of the membership is an
 * eager rebalance: all partitions are dealt anew, in turns, in the order in which members joined.
 */
export class MemoryGroup {
  readonly #topics: () => Iterable<{ topic: string; partitions: number }>;
  readonly #members = new Set<GroupMember>();
  readonly #offsets = new Map<string, bigint>();
  #generation = 0;

  constructor(topics: () => Iterable<{ topic: string; partitions: number }>) {
    this.#topics = topics;
  }

  get size(): number {
    return this.#members.size;
  }

  get generation(): number {
    return this.#generation;
  }

  has(member: GroupMember): boolean {
    return this.#members.has(member);
  }

  join(member: GroupMember): void {
    this.#members.add(member);
    this.rebalance();
  }

  leave(member: GroupMember): void {
    if (this.#members.delete(member)) this.rebalance();
  }

  rebalance(): void {
    this.#generation += 1;
    const assigned = new Map<GroupMember, TopicPartition[]>();
    for (const member of this.#members) assigned.set(member, []);
    let turn = 0;
    const topics = [...this.#topics()].sort((a, b) => (a.topic < b.topic ? -1 : 1));
    for (const { topic, partitions } of topics) {
      const readers = [...this.#members].filter((member) => member.subscribes(topic));
      if (readers.length === 0) continue;
      for (let partition = 0; partition < partitions; partition++) {
        assigned.get(readers[turn % readers.length]!)!.push({ topic, partition });
        turn += 1;
      }
    }
    for (const [member, partitions] of assigned) member.assign(this.#generation, partitions);
  }

  committed(topic: string, partition: number): bigint | null {
    return this.#offsets.get(`${topic}/${partition}`) ?? null;
  }

  commit(topic: string, partition: number, offset: bigint): void {
    this.#offsets.set(`${topic}/${partition}`, offset);
  }

  forget(topic: string): void {
    for (const key of [...this.#offsets.keys()]) {
      if (key.slice(0, key.lastIndexOf('/')) === topic) this.#offsets.delete(key);
    }
  }
}
