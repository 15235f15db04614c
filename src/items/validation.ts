import type { DeadLetterCause } from '../producers/dead-letter.js';
import type { Item } from '../serde/types.js';

/** Given vectors that an item may have, and values that each may have. */
const MOST_VECTORS = 16;
const MOST_VALUES = 8192;
/** Longest id, in bytes of UTF-8: that of events. */
const MOST_ID_BYTES = 256;
const DOMAIN_NAME = /^[A-Za-z0-9._-]{1,64}$/;

/** Lengths of given vectors by name; empty: any. */
export type VectorLengths = ReadonlyMap<string, number>;

/** The lengths that a setting tells: `image:512`. */
export function vectorLengths(setting: readonly string[]): VectorLengths {
  return new Map(
    setting.map((entry) => {
      const colon = entry.lastIndexOf(':');
      return [entry.slice(0, colon), Number(entry.slice(colon + 1))];
    }),
  );
}

/** Returns why an item cannot be used, or null where it can. */
export function validateItem(
  item: Item,
  key: string,
  lengths: VectorLengths,
): DeadLetterCause | null {
  const { itemId, domain, vectors } = item;
  if (itemId === '') return { reason: 'empty-item-id', detail: 'itemId is empty' };
  if (Buffer.byteLength(itemId) > MOST_ID_BYTES) {
    return { reason: 'long-item-id', detail: `itemId has more than ${MOST_ID_BYTES} bytes` };
  }
  if (!DOMAIN_NAME.test(domain)) {
    const shown = JSON.stringify(domain.slice(0, 80));
    const detail = `domain ${shown} is not 1 to 64 of the characters A-Z a-z 0-9 . _ -`;
    return { reason: 'bad-domain', detail };
  }
  if (key !== itemId && key !== `${domain}/${itemId}`) {
    const detail = `the key is ${JSON.stringify(key.slice(0, 300))}, not the item's id or domain/id: what is written later under the right one could not replace it`;
    return { reason: 'item-key', detail };
  }
  return vectorFault(Object.entries(vectors), lengths);
}

function vectorFault(
  vectors: readonly (readonly [string, readonly number[]])[],
  lengths: VectorLengths,
): DeadLetterCause | null {
  const fault = (detail: string): DeadLetterCause => ({ reason: 'bad-vector', detail });
  if (vectors.length > MOST_VECTORS)
    return fault(`${vectors.length} vectors, ${MOST_VECTORS} may be`);
  for (const [name, values] of vectors) {
    const shown = JSON.stringify(name.slice(0, 80));
    if (lengths.size > 0 && !lengths.has(name)) {
      return fault(`the vector ${shown} is not one of ISTHMUS_CONTENT_VECTORS`);
    }
    const wanted = lengths.get(name);
    if (wanted !== undefined && values.length !== wanted) {
      return fault(`the vector ${shown} has ${values.length} values, not ${wanted}`);
    }
    if (values.length > MOST_VALUES) {
      return fault(`the vector ${shown} has ${values.length} values, ${MOST_VALUES} may be`);
    }
    const at = values.findIndex((value) => !Number.isFinite(value));
    if (at >= 0) return fault(`the vector ${shown} has ${values[at]} at ${at}`);
  }
  return null;
}
