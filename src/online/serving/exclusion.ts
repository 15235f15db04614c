import type { Model } from '../model.js';
import type { User } from '../user.js';

/**
 * What a list leaves out. `domain`: what is in the user's ring of the domain; `any-domain`: also items
 * whose id is in a ring of another domain; `none`: nothing.
 */
export type Exclusion = 'domain' | 'any-domain' | 'none';

const NOTHING: ReadonlySet<number> = new Set();

/** The rows of a domain that a list for the user leaves out. */
export function excludedRows(
  model: Model,
  user: User | null,
  domain: number,
  exclusion: Exclusion,
): ReadonlySet<number> {
  if (user === null || exclusion === 'none') return NOTHING;
  const own = user.history(domain);
  if (exclusion === 'domain') return own === undefined ? NOTHING : new Set(own.rows);
  const excluded = new Set(own?.rows);
  const name = model.domainName(domain);
  for (const history of user.histories) {
    if (history.domain === domain) continue;
    for (const row of history.rows) {
      const same = model.find(name, model.itemId(row));
      if (same >= 0) excluded.add(same);
    }
  }
  return excluded;
}
