import type { Model } from '../../online/model.js';
import type { Rival } from '../../online/rivals.js';
import type { User } from '../../online/user.js';

/** A positive event, and what its user had liked before it. */
export interface Taken {
  /** Row of the item. */
  readonly row: number;
  /** Index of its domain. */
  readonly domain: number;
  /** By domain: index, and rows of the liked items in the ring, oldest first. */
  readonly liked: readonly { readonly domain: number; readonly rows: readonly number[] }[];
}

/**
 * A scorer beside ours. It knows as much as ours does when it is asked: the mini-batches before this
 * one, and what the user has done up to the event. Of equal scores the true item counts as the worst.
 */
export interface Baseline extends Rival {
  /** Learns the positive events of a mini-batch, after they have been scored. */
  learn?(events: readonly Taken[]): void;
}

export type MakeBaseline = (model: Model) => Baseline;

/** The liked items of a user's rings, in copies. */
export function likedOf(user: User): Taken['liked'] {
  return user.histories.map(({ domain, rows, weights }) => ({
    domain,
    rows: rows.filter((_, i) => weights[i]! > 0),
  }));
}
