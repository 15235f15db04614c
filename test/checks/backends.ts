import {
  BACKENDS,
  type BackendName,
  BackendUnavailable,
  createTower,
} from '../../src/online/tower/backend.js';
import type { Tower } from '../../src/online/types.js';

/** A tower on each backend that there is here (phi = identity). */
export const availableTowers: { readonly name: BackendName; readonly tower: Tower }[] = [];

/** Why the others are not, by name. */
export const skipped = new Map<BackendName, string>();

for (const name of BACKENDS) {
  try {
    availableTowers.push({ name, tower: (await createTower(name)).tower });
  } catch (error) {
    if (!(error instanceof BackendUnavailable)) throw error;
    skipped.set(name, error.message);
    console.warn(`Not checked: ${error.message}. Try: npm run tfjs-node:install`);
  }
}
