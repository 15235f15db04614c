import { assignPartitions, type Claimant } from '../assignor.js';
import type { GroupMemberInfo, MemberClaim, TopicPartition } from '../transport.js';

export interface GroupMember {
  /** Whether the member reads the topic. */
  subscribes(topic: string): boolean;
  /** What it tells the group. */
  claim?(): MemberClaim;
  /** Called at each rebalance, before anything of the new generation is delivered. */
  assign(
    generation: number,
    partitions: readonly TopicPartition[],
    members: readonly GroupMemberInfo[],
  ): void;
}

interface Seat {
  /** In order of joining. */
  readonly id: string;
  owned: readonly TopicPartition[];
  generation: number;
}

/**
 * A consumer group: members, generation, committed offsets. Every change of the membership is an
 * eager rebalance: all partitions are dealt anew (see assignor.ts).
 */
export class MemoryGroup {
  readonly #topics: () => Iterable<{ topic: string; partitions: number }>;
  readonly #members = new Map<GroupMember, Seat>();
  readonly #offsets = new Map<string, bigint>();
  #generation = 0;
  #joined = 0;

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
    if (!this.#members.has(member)) {
      this.#joined += 1;
      const id = String(this.#joined).padStart(9, '0');
      this.#members.set(member, { id, owned: [], generation: -1 });
    }
    this.rebalance();
  }

  leave(member: GroupMember): void {
    if (this.#members.delete(member)) this.rebalance();
  }

  rebalance(): void {
    this.#generation += 1;
    const topics = [...this.#topics()];
    const told = [...this.#members].map(([member, seat]) => ({
      member,
      seat,
      claim: member.claim?.() ?? { data: '', warm: [] },
    }));
    const claimants = told.map(
      ({ member, seat, claim }): Claimant => ({
        ...seat,
        topics: topics.map(({ topic }) => topic).filter((topic) => member.subscribes(topic)),
        warm: claim.warm,
      }),
    );
    const assigned = assignPartitions(claimants, topics);
    for (const { member, seat } of told) {
      const partitions = assigned.get(seat.id)!;
      seat.owned = partitions;
      seat.generation = this.#generation;
      const members = told.map((other) => ({
        data: other.claim.data,
        partitions: assigned.get(other.seat.id)!,
        self: other.member === member,
      }));
      member.assign(this.#generation, partitions, members);
    }
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
