import type { TopicPartition } from './transport.js';

/** A member as whoever deals the partitions knows it. */
export interface Claimant {
  readonly id: string;
  readonly topics: readonly string[];
  /** What it had in `generation`; -1 for one that is new. */
  readonly owned: readonly TopicPartition[];
  readonly generation: number;
  /** What it follows and could take over sooner than others. */
  readonly warm: readonly TopicPartition[];
}

/**
 * Returns who gets what: all partitions, to members that read their topic, in numbers that differ by
 * one at the most.
 *
 * In this order: whoever had a partition keeps it (of two that claim it, the one of the later
 * generation: the other was away); whoever follows it takes it; the rest goes to whoever has least.
 * The same claims give the same answer, in whatever order they come.
 *
 *     a had 0 and 1, b is new and follows 1   ->   a: 0, b: 1
 */
export function assignPartitions(
  claimants: readonly Claimant[],
  topics: readonly { readonly topic: string; readonly partitions: number }[],
): Map<string, TopicPartition[]> {
  const members = [...claimants].sort((a, b) => (a.id < b.id ? -1 : 1));
  const readers = new Map(topics.map(({ topic }) => [topic, readersOf(topic, members)]));
  const places = [...topics]
    .sort((a, b) => (a.topic < b.topic ? -1 : 1))
    .filter(({ topic }) => readers.get(topic)!.length > 0)
    .flatMap(({ topic, partitions }) =>
      Array.from({ length: partitions }, (_, partition) => ({ topic, partition })),
    );
  const deal = new Deal(members, places.length);
  const owner = claims(members, (member) => member.owned);
  const follower = claims(members, (member) => member.warm);
  const left = places.filter((place) => !deal.give(place, owner.get(nameOf(place))));
  const rest = left.filter((place) => !deal.give(place, follower.get(nameOf(place))));
  for (const place of rest) deal.toLeast(place, readers.get(place.topic)!);
  return deal.assigned;
}

function readersOf(topic: string, members: readonly Claimant[]): Claimant[] {
  return members.filter((member) => member.topics.includes(topic));
}

/** The members that claim each partition, those of the latest generation first. */
function claims(
  members: readonly Claimant[],
  of: (member: Claimant) => readonly TopicPartition[],
): Map<string, Claimant[]> {
  const found = new Map<string, Claimant[]>();
  for (const member of [...members].sort((a, b) => b.generation - a.generation)) {
    for (const place of of(member)) {
      if (!member.topics.includes(place.topic)) continue;
      const list = found.get(nameOf(place));
      if (list === undefined) found.set(nameOf(place), [member]);
      else list.push(member);
    }
  }
  return found;
}

/** Gives partitions out and sees to it that nobody gets more than a fair share. */
class Deal {
  readonly assigned: Map<string, TopicPartition[]>;
  readonly #floor: number;
  /** How many members may still have one more than the floor. */
  #extra: number;

  constructor(members: readonly Claimant[], partitions: number) {
    this.assigned = new Map(members.map((member) => [member.id, []]));
    this.#floor = Math.floor(partitions / Math.max(1, members.length));
    this.#extra = partitions - this.#floor * members.length;
  }

  /** Gives it to the first of the candidates that has room, if any. */
  give(place: TopicPartition, candidates: readonly Claimant[] | undefined): boolean {
    const taker = candidates?.find((member) => this.#hasRoom(member));
    if (taker === undefined) return false;
    this.#put(place, taker);
    return true;
  }

  toLeast(place: TopicPartition, readers: readonly Claimant[]): void {
    let least = readers[0]!;
    for (const member of readers) if (this.#count(member) < this.#count(least)) least = member;
    this.#put(place, least);
  }

  #hasRoom(member: Claimant): boolean {
    const count = this.#count(member);
    return count < this.#floor || (count === this.#floor && this.#extra > 0);
  }

  #put(place: TopicPartition, member: Claimant): void {
    if (this.#count(member) === this.#floor) this.#extra -= 1;
    this.assigned.get(member.id)!.push(place);
  }

  #count(member: Claimant): number {
    return this.assigned.get(member.id)!.length;
  }
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
