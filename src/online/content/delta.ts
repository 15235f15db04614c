import {
  type ByteReader,
  type ByteWriter,
  DeltaFormatError,
  varintBytes,
  zigzagBits,
} from '../delta-bytes.js';
import { emptyDelta, MOST_UNITS } from '../empty-delta.js';
import type { ContentDelta, Delta } from '../types.js';

/** Numbers of categories are below this. */
const MOST_CATEGORY = 2 ** 30;

/** A delta that says something of items and nothing else. */
export function contentDelta(content: ContentDelta): Delta {
  return { ...emptyDelta(), content };
}

/** What is wrong with a delta's content, or null. `size`: C, where it is known. */
export function contentFault({ content }: Delta, size?: number): string | null {
  if (content === undefined) return null;
  const { keys, values, categories } = content;
  const width = size ?? (keys.length === 0 ? 0 : values.length / keys.length);
  if (values.length !== keys.length * width || categories.length !== keys.length) {
    return `content: ${values.length} values and ${categories.length} categories of ${keys.length} items`;
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
  for (const part of parts) {
    for (const [i, key] of part.keys.entries()) {
      const place = places.get(key)!;
      for (let k = 0; k < width; k++) values[place * width + k]! += part.values[i * width + k]!;
      categories[place]! += part.categories[i]!;
    }
  }
  return { content: { keys: [...places.keys()], values, categories } };
}

/** Width, number of items; by item: key, category (zigzag), values packed. */
export function writeContent(writer: ByteWriter, { keys, values, categories }: ContentDelta): void {
  const width = keys.length === 0 ? 0 : values.length / keys.length;
  writer.varint(width);
  writer.varint(keys.length);
  for (const [i, key] of keys.entries()) {
    writer.text(key);
    writer.signed(categories[i]!);
    writer.packed(values, i * width, (i + 1) * width);
  }
}

/** Throws DeltaFormatError. */
export function readContent(reader: ByteReader, mostWidth: number): ContentDelta {
  const width = reader.varint();
  if (width > mostWidth) throw new DeltaFormatError(`A delta has content of ${width} values`);
  const n = reader.size(3);
  const keys = new Array<string>(n);
  const values = new Int32Array(n * width);
  const categories = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    keys[i] = reader.text();
    if (!keys[i]!.includes('/')) throw new DeltaFormatError(`A delta has an item ${keys[i]}`);
    categories[i] = reader.signed();
    reader.packed(values, i * width, (i + 1) * width);
  }
  return { keys, values, categories };
}

/** Deltas that have the content of a delta and nothing else, each of at most `roomBytes`. */
export function splitContent({ content }: Delta, roomBytes: number): Delta[] {
  if (content === undefined || content.keys.length === 0) return [];
  const { keys, values, categories } = content;
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

function bytesOf({ keys, values, categories }: ContentDelta, i: number, width: number): number {
  const text = Buffer.byteLength(keys[i]!, 'utf8');
  const bits = zigzagBits(values, i * width, (i + 1) * width);
  return (
    varintBytes(text) +
    text +
    varintBytes(Math.abs(categories[i]!) * 2) +
    1 +
    Math.ceil((width * bits) / 8)
  );
}

function widthOf(parts: readonly ContentDelta[]): number {
  for (const { keys, values } of parts) if (keys.length > 0) return values.length / keys.length;
  return 0;
}
