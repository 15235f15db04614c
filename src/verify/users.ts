import type { Config } from '../config.js';
import type { UserStateRecord } from '../serde/types.js';
import type { Lineage } from './lineage.js';
import { type Oracle, type OracleUser, stateFault } from './oracle.js';
import type { Problems, VerifyReport } from './report.js';

export interface UserFindings {
  readonly config: Config;
  readonly oracle: Oracle | null;
  /** By `partition/userId`. */
  readonly states: ReadonlyMap<string, UserStateRecord>;
  readonly lineage: Lineage;
  /** By partition of the input, below which all is in the topics that were read. */
  readonly settled: ReadonlyMap<number, bigint>;
  readonly problems: Problems;
}

/** Compares users' states with the oracle's, and their newest lists with their last answered event. */
export function compareUsers(findings: UserFindings): VerifyReport['users'] {
  const { oracle, states, settled, problems } = findings;
  let checked = 0;
  let moving = 0;
  let owed = 0;
  for (const { basedOn, answeredOffset } of states.values()) {
    if (basedOn !== null && basedOn.offset > answeredOffset) owed += 1;
  }
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
    for (const complaint of newestFaults(findings, expected, state!)) {
      problems.add('newest lists', `${userId} in partition ${partition}: ${complaint}`);
    }
  }
  if (oracle !== null) {
    for (const [key, { userId }] of states) {
      if (!oracle.users.has(key))
        problems.add('user states', `${userId} has a state, but no events`);
    }
  }
  return { states: states.size, checked, wrong: problems.count('user states'), moving, owed };
}

/** What is wrong with the newest lists of a user: they answer the last event that was answered. */
function newestFaults(
  { config, oracle, lineage }: UserFindings,
  { partition, userId }: OracleUser,
  state: UserStateRecord,
): string[] {
  const { targetDomains, excludeTouched } = config;
  const newest = lineage.of(partition, userId);
  const answered = state.answeredOffset;
  const faults: string[] = [];
  // Before its first event in this partition, what a domain holds may be of a transaction elsewhere
  // that was aborted afterwards.
  const hasItems = (domain: string): boolean => {
    const first = oracle?.firstPositive(partition, domain);
    return first !== undefined && first <= answered;
  };
  const touched = touchedOf(state, excludeTouched);
  const behind: string[] = [];
  for (const [domain, { offset, items }] of newest) {
    if (offset > answered) {
      faults.push(`the list of ${domain} is based on ${offset}, past ${answered}`);
    }
    if (offset >= answered || !hasItems(domain)) continue;
    // A later event may have touched all that was left to recommend.
    if (items.some((item) => !touched(domain, item))) behind.push(`${domain} on ${offset}`);
  }
  if (targetDomains.includes('all') && excludeTouched === 'none' && answered >= 0n) {
    const missing = state.histories.filter(({ domain }) => !newest.has(domain) && hasItems(domain));
    if (missing.length > 0) faults.push(`no list of ${missing.map(({ domain }) => domain)}`);
  }
  // The domain of an event may get no list by it (`others`): then that of another one is the newest.
  const allowed = targetDomains.includes('others') ? newest.size : 1;
  if (behind.length > 0 && behind.length >= allowed) {
    faults.push(`the newest list of ${behind.join(', ')}, not ${answered}`);
  }
  return faults;
}

/** Whether a list leaves an item out. */
function touchedOf(
  state: UserStateRecord,
  excludeTouched: Config['excludeTouched'],
): (domain: string, itemId: string) => boolean {
  if (excludeTouched === 'none') return () => false;
  const keyOf = (domain: string, itemId: string): string =>
    excludeTouched === 'any-domain' ? itemId : `${domain}/${itemId}`;
  const touched = new Set(
    state.histories.flatMap(({ domain, entries }) =>
      entries.map(({ itemId }) => keyOf(domain, itemId)),
    ),
  );
  return (domain, itemId) => touched.has(keyOf(domain, itemId));
}
