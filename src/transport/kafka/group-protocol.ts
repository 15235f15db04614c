import { AssignerProtocol } from 'kafkajs';
import { assignPartitions, type Claimant } from '../assignor.js';
import type { GroupMemberInfo, MemberClaim, TopicPartition } from '../transport.js';

/**
 * What the members of a group tell each other, in the fields that Kafka's classic protocol leaves to
 * them (userData): a claim when one joins, and with the assignment the whole group.
 */

export const protocolName = 'isthmus';

/** Partitions by topic, to be short. */
type Places = Record<string, number[]>;

interface ClaimJson {
  readonly data: string;
  readonly owned: Places;
  readonly generation: number;
  readonly warm: Places;
}

interface MemberJson {
  readonly id: string;
  readonly data: string;
  readonly partitions: Places;
}

/** What a member has of before: its partitions, in which generation. */
export interface Tenure {
  readonly owned: readonly TopicPartition[];
  readonly generation: number;
}

export function encodeClaim(
  topics: readonly string[],
  { data, warm }: MemberClaim,
  { owned, generation }: Tenure,
): { name: string; metadata: Buffer } {
  const claim: ClaimJson = { data, owned: grouped(owned), generation, warm: grouped(warm) };
  const userData = Buffer.from(JSON.stringify(claim));
  return {
    name: protocolName,
    metadata: AssignerProtocol.MemberMetadata.encode({ version: 1, topics: [...topics], userData }),
  };
}

/** What the leader sends to each member. `countAll`: the partitions of each of the topics. */
export async function assignAll(
  joined: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[],
  countAll: (topics: readonly string[]) => Promise<number[]>,
): Promise<{ memberId: string; memberAssignment: Buffer }[]> {
  const members = joined.map(({ memberId, memberMetadata }) =>
    decodeClaim(memberId, memberMetadata),
  );
  const topics = [...new Set(members.flatMap((member) => member.topics))].sort();
  const counts = await countAll(topics);
  const assigned = assignPartitions(
    members,
    topics.map((topic, i) => ({ topic, partitions: counts[i]! })),
  );
  const group = members.map(
    ({ id, data }): MemberJson => ({ id, data, partitions: grouped(assigned.get(id)!) }),
  );
  const userData = Buffer.from(JSON.stringify(group));
  return members.map(({ id }) => ({
    memberId: id,
    memberAssignment: AssignerProtocol.MemberAssignment.encode({
      version: 1,
      assignment: grouped(assigned.get(id)!),
      userData,
    }),
  }));
}

export function decodeAssignment(
  memberId: string,
  bytes: Buffer,
): { partitions: TopicPartition[]; members: GroupMemberInfo[] } {
  const decoded = AssignerProtocol.MemberAssignment.decode(bytes);
  if (decoded === null) return { partitions: [], members: [] };
  const group = parse<MemberJson[]>(decoded.userData, []);
  return {
    partitions: places(decoded.assignment),
    members: group.map(({ id, data, partitions }) => ({
      data,
      partitions: places(partitions),
      self: id === memberId,
    })),
  };
}

function decodeClaim(id: string, metadata: Buffer): Claimant & { data: string } {
  const decoded = AssignerProtocol.MemberMetadata.decode(metadata);
  const claim = parse<Partial<ClaimJson>>(decoded?.userData, {});
  return {
    id,
    topics: decoded?.topics ?? [],
    data: claim.data ?? '',
    owned: places(claim.owned ?? {}),
    generation: claim.generation ?? -1,
    warm: places(claim.warm ?? {}),
  };
}

/** Bytes that another program wrote are no claim: that member is dealt with as a new one. */
function parse<T>(bytes: Buffer | undefined, otherwise: T): T {
  if (bytes === undefined || bytes.length === 0) return otherwise;
  try {
    return JSON.parse(bytes.toString()) as T;
  } catch {
    return otherwise;
  }
}

function grouped(partitions: readonly TopicPartition[]): Places {
  const result: Places = {};
  for (const { topic, partition } of partitions) {
    result[topic] ??= [];
    result[topic].push(partition);
  }
  return result;
}

function places(byTopic: Places): TopicPartition[] {
  return Object.entries(byTopic).flatMap(([topic, partitions]) =>
    partitions.map((partition) => ({ topic, partition })),
  );
}
