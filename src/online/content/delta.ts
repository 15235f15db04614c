import {
  type ByteReader,
  type ByteWriter,
  DeltaFormatError,
  varintBytes,
  zigzagBits,
} from '../delta-bytes.js';
import { emptyDelta, MOST_UNITS } from '../empty-delta.js';
import type { ContentDelta, Delta } from '../types.js';
import { CODES, PLACES } from './sparse.js';

/** Numbers of categories are below this. */
const MOST_CATEGORY = 2 ** 30;
/** Its place, and its number. */
const MOST_BYTES_OF_A_FEATURE = 4;

/** A delta that says something of items and nothing else. */
export function contentDelta(content: ContentDelta): Delta {
  return { ...emptyDelta(), content };
}

/** What is wrong with a delta's content, or null. `size`: C, where it is known. */
export function contentFault({ content }: Delta, size?: number): string | null {
  if (content === undefined) return null;
  const { keys, values, categories, features } = content;
  const width = size ?? (keys.length === 0 ? 0 : values.length / keys.length);
  if (values.length !== keys.length * width || categories.length !== keys.length) {
    return `content: ${values.length} values and ${categories.length} categories of ${keys.length} items`;
  }
  if (features !== undefined && features.length !== keys.length * PLACES) {
    return `content: ${features.length} features of ${keys.length} items`;
  }
  for (let i = 0; i < values.length; i++) {
    if (Math.abs(values[i]!) > MOST_UNITS) return `content: a value changes by ${values[i]}`;
  }
  for (const category of categories) {
    if (Math.abs(category) > MOST_CATEGORY) return `content: a category changes by ${category}`;
  }
  return null;
}

/** The sum of the contents of deltas, items in order of first touch. */
export function mergeContent(deltas: readonly Delta[]): { content?: ContentDelta } {
  const parts = deltas.flatMap(({ content }) => (content === undefined ? [] : [content]));
  const [first] = parts;
  if (first === undefined) return {};
  if (parts.length === 1) return { content: first };
  const places = new Map<string, number>();
  for (const { keys } of parts) {
    for (const key of keys) if (!places.has(key)) places.set(key, places.size);
  }
  const width = widthOf(parts);
  const values = new Int32Array(places.size * width);
  const categories = new Int32Array(places.size);
  const features = new Uint16Array(places.size * PLACES);
  const featured = parts.some((part) => part.features !== undefined);
  for (const part of parts) {
    for (const [i, key] of part.keys.entries()) {
      const place = places.get(key)!;
      for (let k = 0; k < width; k++) values[place * width + k]! += part.values[i * width + k]!;
      categories[place]! += part.categories[i]!;
      for (let k = 0; part.features !== undefined && k < PLACES; k++) {
        features[place * PLACES + k]! += part.features[i * PLACES + k]!;
      }
    }
  }
  const own = featured ? { features } : {};
  return { content: { keys: [...places.keys()], values, categories, ...own } };
}

/**
 * Width, number of items; by item: key, category (zigzag), values packed, and, where there are features, how many are
 * other than 0, and of each its place and number.
 */
export function writeContent(writer: ByteWriter, content: ContentDelta): void {
  const { keys, values, categories, features } = content;
  const width = keys.length === 0 ? 0 : values.length / keys.length;
  writer.varint(width);
  writer.varint(keys.length);
  for (const [i, key] of keys.entries()) {
    writer.text(key);
    writer.signed(categories[i]!);
    writer.packed(values, i * width, (i + 1) * width);
    if (features !== undefined) writeFeatures(writer, features, i * PLACES);
  }
}

function writeFeatures(writer: ByteWriter, features: Uint16Array, from: number): void {
  writer.varint(featuresFrom(features, from));
  for (let place = 0; place < PLACES; place++) {
    const code = features[from + place]!;
    if (code === 0) continue;
    writer.byte(place);
    writer.varint(code);
  }
}

/** How many of an item are other than 0. */
function featuresFrom(features: Uint16Array, from: number): number {
  let n = 0;
  for (let at = from; at < from + PLACES; at++) if (features[at] !== 0) n++;
  return n;
}

/** Throws DeltaFormatError. */
export function readContent(
  reader: ByteReader,
  mostWidth: number,
  withFeatures: boolean,
): ContentDelta {
  const width = reader.varint();
  if (width > mostWidth) throw new DeltaFormatError(`A delta has content of ${width} values`);
  const n = reader.size(3);
  const keys = new Array<string>(n);
  const values = new Int32Array(n * width);
  const categories = new Int32Array(n);
  const features = new Uint16Array(withFeatures ? n * PLACES : 0);
  for (let i = 0; i < n; i++) {
    keys[i] = reader.text();
    if (!keys[i]!.includes('/')) throw new DeltaFormatError(`A delta has an item ${keys[i]}`);
    categories[i] = reader.signed();
    reader.packed(values, i * width, (i + 1) * width);
    if (withFeatures) readFeatures(reader, features, i * PLACES);
  }
  return { keys, values, categories, ...(withFeatures ? { features } : {}) };
}

function readFeatures(reader: ByteReader, features: Uint16Array, to: number): void {
  for (let left = reader.size(2); left > 0; left--) {
    const place = reader.byte();
    const code = reader.varint();
    if (place >= PLACES || code === 0 || code >= CODES) {
      throw new DeltaFormatError(`A delta has the feature ${code} at place ${place}`);
    }
    features[to + place] = code;
  }
}

/** Deltas that have the content of a delta and nothing else, each of at most `roomBytes`. */
export function splitContent({ content }: Delta, roomBytes: number): Delta[] {
  if (content === undefined || content.keys.length === 0) return [];
  const { keys, values, categories, features } = content;
  const width = values.length / keys.length;
  const parts: Delta[] = [];
  let from = 0;
  let bytes = 0;
  const close = (to: number): void => {
    parts.push(
      contentDelta({
        keys: keys.slice(from, to),
        values: values.subarray(from * width, to * width),
        categories: categories.subarray(from, to),
        ...(features && { features: features.subarray(from * PLACES, to * PLACES) }),
      }),
    );
    from = to;
    bytes = 0;
  };
  for (let i = 0; i < keys.length; i++) {
    const own = bytesOf(content, i, width);
    if (own > roomBytes) {
      throw new RangeError(
        `Content of ${keys[i]} takes ${own} bytes of a delta; ${roomBytes} are allowed`,
      );
    }
    if (bytes + own > roomBytes) close(i);
    bytes += own;
  }
  close(keys.length);
  return parts;
}

/** At most what an item takes. */
function bytesOf(content: ContentDelta, i: number, width: number): number {
  const { keys, values, categories, features } = content;
  const text = Buffer.byteLength(keys[i]!, 'utf8');
  const bits = zigzagBits(values, i * width, (i + 1) * width);
  return (
    varintBytes(text) +
    text +
    varintBytes(Math.abs(categories[i]!) * 2) +
    1 +
    Math.ceil((width * bits) / 8) +
    (features === undefined ? 0 : 1 + MOST_BYTES_OF_A_FEATURE * featuresFrom(features, i * PLACES))
  );
}

function widthOf(parts: readonly ContentDelta[]): number {
  for (const { keys, values } of parts) if (keys.length > 0) return values.length / keys.length;
  return 0;
}
