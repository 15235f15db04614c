import type { Model } from '../model.js';
import type { ContentDelta } from '../types.js';
import { contentSize, type EncodedContent } from './encoder.js';
import { PLACES } from './sparse.js';

/**
 * What has to be added to a model for the items to be described so: what they are to be less what they
 * are. Items that are so already are left out. Nobody else may describe the same items at the same time.
 *
 * @param items By `domain/itemId`; null: nothing is said of the item any more.
 */
export function describeItems(
  model: Model,
  items: ReadonlyMap<string, EncodedContent | null>,
): ContentDelta {
  const size = contentSize(model.dimension);
  const { store } = model.content;
  const keys: string[] = [];
  const values = new Int32Array(items.size * size);
  const categories = new Int32Array(items.size);
  const features = new Uint16Array(items.size * PLACES);
  let featured = false;
  for (const [key, item] of items) {
    const slash = key.indexOf('/');
    const slot = store.slotOf(model.find(key.slice(0, slash), key.slice(slash + 1)));
    const to = keys.length * size;
    let changed = false;
    for (let k = 0; k < size; k++) {
      const before = slot < 0 ? 0 : store.values[slot * size + k]!;
      values[to + k] = (item?.values[k] ?? 0) - before;
      changed ||= values[to + k] !== 0;
    }
    const place = keys.length * PLACES;
    let differs = false;
    for (let i = 0; i < PLACES; i++) {
      const before = slot < 0 ? 0 : store.features[slot * PLACES + i]!;
      features[place + i] = (item?.features[i] ?? 0) - before;
      differs ||= features[place + i] !== 0;
    }
    const category = (item?.category ?? 0) - (slot < 0 ? 0 : store.categories[slot]!);
    if (!changed && !differs && category === 0) continue;
    featured ||= differs;
    categories[keys.length] = category;
    keys.push(key);
  }
  const n = keys.length;
  return {
    keys,
    values: values.slice(0, n * size),
    categories: categories.slice(0, n),
    ...(featured ? { features: features.slice(0, n * PLACES) } : {}),
  };
}
