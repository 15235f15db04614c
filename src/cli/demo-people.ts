import type { MovieLens } from '../producers/replay/movielens.js';

/** Somebody with a taste, and a domain in which they have hardly been. */
export interface Newcomer {
  readonly userId: string;
  /** Where they are new. */
  readonly domain: string;
  /** Ratings in that domain. */
  readonly eventsThere: number;
  /** Titles that they rated highest elsewhere. */
  readonly liked: readonly string[];
}

const LIKED_FROM = 4;

/**
 * People who liked much elsewhere and have hardly touched one domain, each in another domain where
 * that can be had: those with the fewest ratings there, of equal ones the most likes elsewhere.
 */
export function newcomers({ films, events }: MovieLens, count: number): Newcomer[] {
  const people = new Map<
    string,
    { touched: Map<string, number>; liked: { title: string; domain: string; value: number }[] }
  >();
  const domains = new Set<string>();
  for (const { userId, itemId, domain, value } of events) {
    domains.add(domain);
    let person = people.get(userId);
    if (person === undefined) {
      person = { touched: new Map(), liked: [] };
      people.set(userId, person);
    }
    person.touched.set(domain, (person.touched.get(domain) ?? 0) + 1);
    if ((value ?? 0) >= LIKED_FROM) {
      const title = films.get(itemId)?.title ?? itemId;
      person.liked.push({ title, domain, value: value ?? 0 });
    }
  }
  const candidates: (Newcomer & { likes: number })[] = [];
  for (const [userId, { touched, liked }] of people) {
    for (const domain of domains) {
      const elsewhere = liked.filter((film) => film.domain !== domain);
      if (elsewhere.length < 15) continue;
      candidates.push({
        userId,
        domain,
        eventsThere: touched.get(domain) ?? 0,
        likes: elsewhere.length,
        liked: elsewhere
          .toSorted((a, b) => b.value - a.value)
          .slice(0, 6)
          .map(({ title }) => title),
      });
    }
  }
  candidates.sort((a, b) => a.eventsThere - b.eventsThere || b.likes - a.likes);
  const chosen: Newcomer[] = [];
  const taken = new Set<string>();
  for (const candidate of candidates) {
    if (chosen.length === count) break;
    if (taken.has(candidate.userId) || taken.has(candidate.domain)) continue;
    taken.add(candidate.userId).add(candidate.domain);
    chosen.push(candidate);
  }
  return chosen;
}
