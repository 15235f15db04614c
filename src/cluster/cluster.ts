import { murmur2 } from '../transport/partitioner.js';
import type { GroupMemberInfo, TopicPartition } from '../transport/transport.js';

/** A process of the application, as the group tells of it. */
export interface Instance {
  /** New at each start; empty for a member that does not say who it is. */
  readonly id: string;
  /** Where it is reached; empty where it does not say. */
  readonly url: string;
  readonly self: boolean;
  readonly partitions: readonly TopicPartition[];
}

/** Returns what a process tells the group of itself. */
export function describeInstance(id: string, url: string): string {
  return JSON.stringify({ id, url });
}

/**
 * Who has which partition, as of the newest assignment. It comes with the assignment itself, so it
 * needs no topic, no clock and no cleaning: who has left the group is not in it, and all members of
 * a generation have the same. It can be out of date (while the group changes, or in a process that
 * was frozen), so whoever is asked by it answers only for what it has.
 */
export class Cluster {
  #instances: readonly Instance[] = [];

  update(members: readonly GroupMemberInfo[]): void {
    this.#instances = members.map(({ data, partitions, self }) => ({
      ...parse(data),
      self,
      partitions,
    }));
  }

  /** Empty before the first assignment. */
  get instances(): readonly Instance[] {
    return this.#instances;
  }

  ownerOf(place: TopicPartition): Instance | undefined {
    return this.#instances.find(({ partitions }) =>
      partitions.some((p) => p.topic === place.topic && p.partition === place.partition),
    );
  }

  /**
   * The processes that follow the users of a partition: those of the others than its owner that
   * score highest for it (rendezvous hashing). All members of a generation come to the same, and one
   * that comes or goes moves no more standbys than it has to.
   */
  standbysOf(place: TopicPartition, count: number): readonly Instance[] {
    const owner = this.ownerOf(place);
    return this.#instances
      .filter((instance) => instance !== owner && instance.id !== '')
      .map((instance) => ({ instance, score: scoreOf(instance, place) }))
      .sort((a, b) => b.score - a.score || (a.instance.id < b.instance.id ? -1 : 1))
      .slice(0, count)
      .map(({ instance }) => instance);
  }
}

function scoreOf({ id }: Instance, { topic, partition }: TopicPartition): number {
  return murmur2(Buffer.from(`${id}/${topic}/${partition}`)) >>> 0;
}

/** A member that tells nothing, or something else, is nobody whom we could ask. */
function parse(data: string): { id: string; url: string } {
  try {
    const { id, url } = JSON.parse(data) as { id?: unknown; url?: unknown };
    return {
      id: typeof id === 'string' ? id : '',
      url: typeof url === 'string' && /^https?:\/\//.test(url) ? url : '',
    };
  } catch {
    return { id: '', url: '' };
  }
}
