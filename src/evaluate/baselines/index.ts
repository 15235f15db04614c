import { nearest } from '../../config/nearest.js';
import { IsthmusError } from '../../errors.js';
import type { MakeBaseline } from './baseline.js';
import { itemKnn } from './item-knn.js';
import { deep, wide } from './parts.js';
import { popularity } from './popularity.js';
import { recent } from './recent.js';

export type { Baseline, MakeBaseline, Taken } from './baseline.js';
export { likedOf } from './baseline.js';

/** All baselines, by the name that `--baselines` has for them. */
export const BASELINES: Readonly<Record<string, MakeBaseline>> = {
  popularity,
  recent,
  'item-knn': itemKnn,
  deep,
  wide,
};

/**
 * Returns the baselines of a list like `popularity,item-knn`.
 *
 * Errors: ARGUMENT_INVALID (usage) for a name that is none, or that stands there twice.
 */
export function baselinesNamed(list: string): MakeBaseline[] {
  const names = list.split(',').map((name) => name.trim());
  return names.map((name, i) => {
    const make = Object.hasOwn(BASELINES, name) ? BASELINES[name] : undefined;
    if (make !== undefined && names.indexOf(name) === i) return make;
    const known = Object.keys(BASELINES);
    const near = nearest(name, known);
    const hint = near === undefined ? '' : ` (did you mean ${near}?)`;
    const why =
      make === undefined ? `knows no ${name || 'empty name'}${hint}` : `has ${name} twice`;
    throw new IsthmusError(
      'ARGUMENT_INVALID',
      'usage',
      `--baselines ${why}: wants some of ${known.join(', ')}`,
    );
  });
}
