import type { RecommendationList } from '../serde/types.js';

interface Latest {
  readonly offset: bigint;
}

/** Follows the lists of one partition after the other: what each user's newest list is based on. */
export class Lineage {
  lists = 0;
  /** Lists that are not based on a later event than the one before of the same user and domain. */
  notIncreasing = 0;
  readonly #latest = new Map<string, Map<string, Latest>>();

  /** A committed list, in order within its partition. */
  add(partition: number, list: RecommendationList): void {
    this.lists += 1;
    const key = `${partition}/${list.userId}`;
    let domains = this.#latest.get(key);
    if (domains === undefined) {
      domains = new Map();
      this.#latest.set(key, domains);
    }
    const { offset } = list.basedOn;
    const before = domains.get(list.domain);
    if (before !== undefined && offset <= before.offset) this.notIncreasing += 1;
    if (list.basedOn.partition !== partition) this.notIncreasing += 1;
    domains.set(list.domain, { offset });
  }

  /** The offsets that the user's newest lists are based on, by domain. */
  of(partition: number, userId: string): ReadonlyMap<string, Latest> {
    return this.#latest.get(`${partition}/${userId}`) ?? new Map();
  }
}
