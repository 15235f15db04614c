import type { Config } from '../config.js';
import type { UserStateRecord } from '../serde/types.js';
import type { Lineage } from './lineage.js';
import type { Oracle } from './oracle.js';

export interface NewestListsParts {
  readonly config: Pick<Config, 'targetDomains' | 'excludeTouched'>;
  readonly oracle: Oracle;
  readonly lineage: Lineage;
  /** Whether all lists of the partition are still there: a list that is missing was never made. */
  readonly hasAllLists: (partition: number) => boolean;
  /** Whether the lists were looked at as of the same moment as the states. */
  readonly isQuiet: (partition: number) => boolean;
  /** `topic/partition/offset` of the events whose lists did not all fit into a record. */
  readonly oversized: ReadonlySet<string>;
}

/**
 * What is wrong with the newest lists of a user, whose state is known to be right: sentences.
 *
 * The law: the newest list of each domain that the user gets lists for is based on the user's last
 * accepted event; where later lists are still owed, on the event that was answered last. None is
 * wanted of a domain in which the partition knew no item then that the user had not touched: what
 * other partitions know of it may be of a transaction that was aborted afterwards.
 */
export function newestListFaults(
  parts: NewestListsParts,
  partition: number,
  state: UserStateRecord,
): string[] {
  const { oracle, lineage, hasAllLists, isQuiet, oversized } = parts;
  const { answeredOffset: answered, basedOn, userId } = state;
  const newest = lineage.of(partition, userId);
  const faults: string[] = [];
  // Debts may have been paid between a look at the states and one at the lists.
  const last = isQuiet(partition) ? answered : (basedOn?.offset ?? -1n);
  for (const [domain, { offset }] of newest) {
    if (offset > last) faults.push(`the list of ${domain} is based on ${offset}, past ${last}`);
  }
  // What was touched since the last answer is in the state as well: what was wanted is not known.
  if (basedOn === null || answered !== basedOn.offset) return faults;
  if (oversized.has(`${basedOn.topic}/${partition}/${answered}`)) return faults;
  const touched = touchedOf(state, parts.config.excludeTouched);
  for (const domain of oracle.domains(partition)) {
    if (!isTarget(parts.config.targetDomains, domain, state)) continue;
    if (!oracle.knows(partition, domain, answered, (item) => !touched(domain, item))) continue;
    const found = newest.get(domain);
    if (found === undefined) {
      if (hasAllLists(partition)) faults.push(`no list of ${domain}, with ${answered} answered`);
    } else if (found.offset < answered) {
      faults.push(`the newest list of ${domain} is based on ${found.offset}, not ${answered}`);
    }
  }
  return faults;
}

/** Whether the user is to have lists of the domain. */
function isTarget(
  targets: Config['targetDomains'],
  domain: string,
  { histories }: UserStateRecord,
): boolean {
  if (targets.includes('all') || targets.includes(domain)) return true;
  return targets.includes('others') && newestDomain(histories) !== domain;
}

/** The domain of the newest event, by event time; of several the one that was touched first last. */
function newestDomain(histories: UserStateRecord['histories']): string | null {
  let newest: string | null = null;
  let newestMs = Number.NEGATIVE_INFINITY;
  for (const { domain, entries } of histories) {
    const lastMs = entries.at(-1)?.occurredAtMs ?? Number.NEGATIVE_INFINITY;
    if (lastMs < newestMs) continue;
    newest = domain;
    newestMs = lastMs;
  }
  return newest;
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
