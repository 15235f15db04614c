import type { Model } from '../model.js';
import type { User } from '../user.js';

/**
 * What a list leaves out. `domain`: what is in the user's ring of the domain; `any-domain`: also items
 * whose id is in a ring of another domain; `none`: nothing.
 */
export type Exclusion = 'domain' | 'any-domain' | 'none';

/** Rows that a list leaves out. */
export interface Excluded {
  readonly rows: readonly number[];
  has(row: number): boolean;
}

const NOTHING: Excluded = { rows: [], has: () => false };

/** The rows of a ring. Few are looked up by a scan: too few to pay for a set of the ring's rows. */
class Ring implements Excluded {
  readonly rows: readonly number[];

  constructor(rows: readonly number[]) {
    this.rows = rows;
  }

  has(row: number): boolean {
    const { rows } = this;
    for (let i = rows.length - 1; i >= 0; i--) if (rows[i] === row) return true;
    return false;
  }
}

/** The rows of a domain that a list for the user leaves out, as long as the user does not change. */
export function excludedRows(
  model: Model,
  user: User | null,
  domain: number,
  exclusion: Exclusion,
): Excluded {
  if (user === null || exclusion === 'none') return NOTHING;
  const own = user.history(domain);
  if (exclusion === 'domain') return own === undefined ? NOTHING : new Ring(own.rows);
  const excluded = new Set(own?.rows);
  const name = model.domainName(domain);
  for (const history of user.histories) {
    if (history.domain === domain) continue;
    for (const row of history.rows) {
      const same = model.find(name, model.itemId(row));
      if (same >= 0) excluded.add(same);
    }
  }
  return { rows: [...excluded], has: (row) => excluded.has(row) };
}
