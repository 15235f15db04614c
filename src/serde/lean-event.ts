import type { BehaviorEvent } from '../online/types.js';
import { UndecodableError, type UndecodableReason } from './errors.js';

/**
 * Decodes the body of an event that was written with our own schema, without the context.
 *
 * The same values and errors as avsc's (a test holds them together), at a multiple of its speed:
 * no resolver, no intermediate objects, and the few distinct domains and actions are the same string
 * objects each time, which also makes the maps that they key faster. The state between the fields is
 * in module variables: decoding is synchronous and never calls itself.
 */
export function decodeLean(buffer: Buffer, start: number): BehaviorEvent {
  pos = start;
  const userId = text(buffer);
  const itemId = text(buffer);
  const domain = word(buffer);
  const action = word(buffer);
  const value = branch(buffer) === 0 ? null : double(buffer);
  const occurredAtMs = long(buffer);
  if (occurredAtMs > MAX_LONG || occurredAtMs < MIN_LONG) {
    throw fail('invalid-body', 'a long is beyond what a number holds');
  }
  const eventId = branch(buffer) === 0 ? null : text(buffer);
  if (branch(buffer) === 1) skipMap(buffer);
  if (pos < buffer.length) {
    throw fail('trailing-bytes', `${buffer.length - pos} bytes follow the last field`);
  }
  return { userId, itemId, domain, action, value, occurredAtMs, eventId };
}

/** Where the zigzag of a long is an exact double: odd ones end at 2^53. avsc has the same upper end. */
const MAX_LONG = 2 ** 53 - 2;
const MIN_LONG = -(2 ** 52);

let pos = 0;

function fail(reason: UndecodableReason, detail: string): UndecodableError {
  return new UndecodableError('BehaviorEvent', reason, detail, { event: true });
}

function truncated(): UndecodableError {
  return fail('truncated', 'the body ends before its last field');
}

/** Zigzag varint; exact from MIN_LONG to MAX_LONG. */
function long(buffer: Buffer): number {
  let value = 0;
  let scale = 1;
  for (let bytes = 0; bytes < 10; bytes++) {
    if (pos >= buffer.length) throw truncated();
    const byte = buffer[pos++]!;
    value += (byte & 127) * scale;
    if (byte < 128) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    scale *= 128;
  }
  throw fail('invalid-body', 'a long has more than ten bytes');
}

function branch(buffer: Buffer): number {
  if (pos >= buffer.length) throw truncated();
  const index = buffer[pos++]!;
  if (index === 0) return 0;
  if (index === 2) return 1;
  throw fail('invalid-body', `a union has no branch for 0x${index.toString(16)}`);
}

function length(buffer: Buffer): number {
  const bytes = long(buffer);
  if (bytes < 0 || pos + bytes > buffer.length) throw truncated();
  return bytes;
}

function text(buffer: Buffer): string {
  return textAt(buffer, length(buffer));
}

function skipText(buffer: Buffer): void {
  const bytes = length(buffer);
  pos += bytes;
}

function double(buffer: Buffer): number {
  if (pos + 8 > buffer.length) throw truncated();
  pos += 8;
  return buffer.readDoubleLE(pos - 8);
}

function skipMap(buffer: Buffer): void {
  for (;;) {
    let count = long(buffer);
    if (count === 0) return;
    if (count < 0) {
      count = -count;
      long(buffer);
    }
    if (count > buffer.length) throw truncated();
    for (; count > 0; count--) {
      skipText(buffer);
      skipText(buffer);
    }
  }
}

const LONGEST_WORD = 32;
const SLOTS = 1024;
const words: (string | undefined)[] = new Array(SLOTS);
const wordBytes = new Uint8Array(SLOTS * LONGEST_WORD);

/** A string of which there are few: the same object for the same bytes. */
function word(buffer: Buffer): string {
  const bytes = length(buffer);
  if (bytes > LONGEST_WORD) return textAt(buffer, bytes);
  const start = pos;
  let hash = bytes;
  for (let i = 0; i < bytes; i++) hash = (Math.imul(hash, 31) + buffer[start + i]!) | 0;
  const slot = (hash ^ (hash >>> 10) ^ (hash >>> 20)) & (SLOTS - 1);
  const base = slot * LONGEST_WORD;
  const known = words[slot];
  if (known !== undefined && wordLengths[slot] === bytes) {
    let i = 0;
    while (i < bytes && wordBytes[base + i] === buffer[start + i]) i++;
    if (i === bytes) {
      pos += bytes;
      return known;
    }
  }
  const fresh = textAt(buffer, bytes);
  words[slot] = fresh;
  wordLengths[slot] = bytes;
  for (let i = 0; i < bytes; i++) wordBytes[base + i] = buffer[start + i]!;
  return fresh;
}

const wordLengths = new Uint8Array(SLOTS);

function textAt(buffer: Buffer, bytes: number): string {
  pos += bytes;
  return buffer.toString('utf8', pos - bytes, pos);
}
