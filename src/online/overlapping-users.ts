import { hash } from './content/features.js';
import type { Random } from './random.js';

/** A user, in the order of hashes: where one stands hangs on nothing but the id. */
export interface Place {
  /** 32 bits. */
  readonly hash: number;
  readonly id: string;
}

/** Where overlapping users are looked up. */
export interface PlacesOfUsers {
  /** The first behind a place, the first of all behind the last; undefined where there is none. */
  after(place: Place): Place | undefined;
}

/** Users in a bucket, in the mean, at which there are twice as many buckets. */
const FULL = 4;

/** Gaps between hashes differ, so from where a draw falls it goes on for up to so many users. */
const MOST_STEPS = 16;

/**
 * Users who have been in more than one domain (the overlapping users of cross-domain recommendation), in an order that
 * does not depend on how they came: so whoever draws from the same users by the same numbers draws the same ones, after
 * a restart as well.
 */
export class OverlappingUsers implements PlacesOfUsers {
  private buckets: Place[][] = [[]];
  /** A hash without its last so many bits is the number of its bucket. */
  private bits = 32;
  private count = 0;

  get size(): number {
    return this.count;
  }

  add(id: string): void {
    if (this.count >= FULL * this.buckets.length && this.bits > 8) this.grow();
    const place = placeOf(id);
    const bucket = this.bucketOf(place.hash);
    const at = bucket.findIndex((other) => !isBefore(other, place));
    if (at >= 0 && bucket[at]!.id === id) return;
    bucket.splice(at < 0 ? bucket.length : at, 0, place);
    this.count++;
  }

  delete(id: string): void {
    const bucket = this.bucketOf(hash(id));
    const at = bucket.findIndex((other) => other.id === id);
    if (at < 0) return;
    bucket.splice(at, 1);
    this.count--;
  }

  after(place: Place): Place | undefined {
    if (this.count === 0) return undefined;
    const { buckets } = this;
    const next = this.bucketOf(place.hash).find((other) => isBefore(place, other));
    if (next !== undefined) return next;
    const from = this.numberOf(place.hash);
    for (let i = 1; i <= buckets.length; i++) {
      const [first] = buckets[(from + i) % buckets.length]!;
      if (first !== undefined) return first;
    }
    return undefined;
  }

  private numberOf(code: number): number {
    // A shift by 32 bits would be one by none.
    return this.bits === 32 ? 0 : code >>> this.bits;
  }

  private bucketOf(code: number): Place[] {
    return this.buckets[this.numberOf(code)]!;
  }

  private grow(): void {
    const places = this.buckets.flat();
    this.bits--;
    this.buckets = Array.from({ length: this.buckets.length * 2 }, () => []);
    for (const place of places) this.bucketOf(place.hash).push(place);
  }
}

/** The next behind a place in either of two. */
export function nextOf(place: Place, one: PlacesOfUsers, other: PlacesOfUsers): Place | undefined {
  const a = one.after(place);
  const b = other.after(place);
  if (a === undefined || b === undefined) return a ?? b;
  const [aIsBehind, bIsBehind] = [isBefore(place, a), isBefore(place, b)];
  if (aIsBehind !== bIsBehind) return aIsBehind ? a : b;
  return isBefore(a, b) ? a : b;
}

/** The id of one of them, each about as often as any other; undefined where there is none. */
export function drawOverlapping(users: PlacesOfUsers, random: Random): string | undefined {
  let place = users.after({ hash: random.next(), id: '' });
  for (let steps = random.below(MOST_STEPS); steps > 0 && place !== undefined; steps--) {
    place = users.after(place);
  }
  return place?.id;
}

function placeOf(id: string): Place {
  return { hash: hash(id), id };
}

function isBefore(a: Place, b: Place): boolean {
  return a.hash < b.hash || (a.hash === b.hash && a.id < b.id);
}
