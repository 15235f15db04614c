import type { Config } from '../config.js';
import type { UserStateRecord } from '../serde/types.js';
import type { Lineage } from './lineage.js';
import { newestListFaults } from './newest-lists.js';
import { type Oracle, stateFault } from './oracle.js';
import type { Problems, VerifyReport } from './report.js';

export interface UserFindings {
  readonly config: Config;
  readonly oracle: Oracle | null;
  /** By `partition/userId`. */
  readonly states: ReadonlyMap<string, UserStateRecord>;
  readonly lineage: Lineage;
  /** Whether all lists of the partition are still in the topic. */
  readonly hasAllLists: (partition: number) => boolean;
  /** Whether the lists were looked at as of the same moment as the states. */
  readonly isQuiet: (partition: number) => boolean;
  /** Events whose lists did not all fit into a record, as `topic/partition/offset`. */
  readonly oversized: ReadonlySet<string>;
  /** By partition of the input, below which all is in the topics that were read. */
  readonly settled: ReadonlyMap<number, bigint>;
  /** Whether all input of the partition is committed: then nothing keeps the lists that are due. */
  readonly isResting: (partition: number) => boolean;
  /** Milliseconds since the epoch, when the topics were looked at. */
  readonly nowMs: number;
  readonly problems: Problems;
}

/** Compares users' states with the oracle's, and their newest lists with their last answered event. */
export function compareUsers(findings: UserFindings): VerifyReport['users'] {
  const { config, oracle, states, settled, problems } = findings;
  let checked = 0;
  let moving = 0;
  let owed = 0;
  let overdue = 0;
  for (const { basedOn, answeredOffset, lastListAtMs } of states.values()) {
    if (basedOn === null || basedOn.offset <= answeredOffset) continue;
    owed += 1;
    const isDue = lastListAtMs + config.listIntervalMs <= findings.nowMs;
    if (isDue && findings.isResting(basedOn.partition)) overdue += 1;
  }
  if (overdue > 0) {
    problems.add(
      'overdue lists',
      `${overdue} users are owed lists although all input of their partitions is committed: does the application run?`,
    );
  }
  const { lineage, hasAllLists, isQuiet, oversized } = findings;
  const lists =
    oracle === null ? null : { config, oracle, lineage, hasAllLists, isQuiet, oversized };
  for (const [key, expected] of oracle?.users ?? []) {
    const { partition, userId } = expected;
    if (expected.touchedOffset >= (settled.get(partition) ?? 0n)) {
      moving += 1;
      continue;
    }
    checked += 1;
    const state = states.get(key);
    const fault = state === undefined ? 'there is none' : stateFault(expected, state);
    if (fault !== null) {
      problems.add('user states', `The state of ${userId} in partition ${partition}: ${fault}`);
      continue;
    }
    for (const complaint of lists === null ? [] : newestListFaults(lists, partition, state!)) {
      problems.add('newest lists', `${userId} in partition ${partition}: ${complaint}`);
    }
  }
  if (oracle !== null) {
    for (const [key, { userId }] of states) {
      if (!oracle.users.has(key))
        problems.add('user states', `${userId} has a state, but no events`);
    }
  }
  return {
    states: states.size,
    checked,
    wrong: problems.count('user states'),
    moving,
    owed,
    overdue,
  };
}
