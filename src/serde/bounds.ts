import type { Type } from 'avsc';

/** The parts of avsc's types that its typings leave out. */
interface TypeNode extends Type {
  readonly fields?: readonly { readonly type: TypeNode }[];
  readonly itemsType?: TypeNode;
  readonly valuesType?: TypeNode;
  readonly types?: readonly TypeNode[];
  readonly size?: number;
}

/** Returns the position after the value at `pos`, or -1 where the buffer ends before it. */
type Skip = (buffer: Buffer, pos: number) => number;

/**
 * Returns a function that walks over a value of `type` and returns the position after it, or -1
 * where the buffer ends before. Unlike avsc it never trusts a length: a body that claims 2^50
 * elements and has none would keep avsc in a loop for years, and the stream with it.
 */
export function boundsOf(type: Type): Skip {
  return compile(type as TypeNode, new Map());
}

/** Whether a value holds arrays or maps: only there can a forged length hurt. */
export function hasContainers(type: Type, seen: Set<Type> = new Set()): boolean {
  if (seen.has(type)) return true;
  seen.add(type);
  const node = type as TypeNode;
  if (node.itemsType !== undefined || node.valuesType !== undefined) return true;
  const inner = node.types ?? node.fields?.map((field) => field.type) ?? [];
  const found = inner.some((child) => hasContainers(child, seen));
  seen.delete(type);
  return found;
}

function compile(type: TypeNode, named: Map<TypeNode, { skip: Skip }>): Skip {
  const known = named.get(type);
  if (known !== undefined) return (buffer, pos) => known.skip(buffer, pos);
  const holder: { skip: Skip } = { skip: () => -1 };
  named.set(type, holder);
  holder.skip = compileNode(type, (child) => compile(child, named));
  return holder.skip;
}

function compileNode(type: TypeNode, inner: (child: TypeNode) => Skip): Skip {
  const kind = type.typeName;
  if (kind === 'null') return (_buffer, pos) => pos;
  if (kind === 'boolean') return fixed(1);
  if (kind === 'float') return fixed(4);
  if (kind === 'double') return fixed(8);
  if (kind === 'fixed') return fixed(type.size ?? 0);
  if (kind === 'int' || kind === 'long' || kind === 'enum') return skipVarint;
  if (kind === 'string' || kind === 'bytes') return skipBytes;
  if (kind === 'array') return skipBlocks([inner(type.itemsType!)]);
  if (kind === 'map') return skipBlocks([skipBytes, inner(type.valuesType!)]);
  if (type.types !== undefined) return skipUnion(type.types.map(inner));
  if (type.fields !== undefined) return inSequence(type.fields.map((field) => inner(field.type)));
  throw new Error(`no bounds for Avro type ${kind}`);
}

function fixed(size: number): Skip {
  return (buffer, pos) => (pos + size <= buffer.length ? pos + size : -1);
}

function skipVarint(buffer: Buffer, pos: number): number {
  for (let i = pos; i < buffer.length && i < pos + 10; i++) if (buffer[i]! < 128) return i + 1;
  return -1;
}

/** Returns the zigzag varint at `pos`; beyond 2^53 it is inexact, which is enough to refuse it. */
export function varintAt(buffer: Buffer, pos: number): number {
  let value = 0;
  let scale = 1;
  for (let i = pos; i < buffer.length; i++) {
    const byte = buffer[i]!;
    value += (byte & 127) * scale;
    if (byte < 128) break;
    scale *= 128;
  }
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

function skipBytes(buffer: Buffer, pos: number): number {
  const start = skipVarint(buffer, pos);
  if (start < 0) return -1;
  const length = varintAt(buffer, pos);
  return length >= 0 && start + length <= buffer.length ? start + length : -1;
}

function skipUnion(branches: readonly Skip[]): Skip {
  return (buffer, pos) => {
    const start = skipVarint(buffer, pos);
    if (start < 0) return -1;
    const branch = branches[varintAt(buffer, pos)];
    // An unknown branch is not a matter of bounds: avsc says what is wrong with it.
    return branch === undefined ? buffer.length : branch(buffer, start);
  };
}

function inSequence(parts: readonly Skip[]): Skip {
  return (buffer, start) => {
    let pos = start;
    for (const part of parts) {
      pos = part(buffer, pos);
      if (pos < 0) return -1;
    }
    return pos;
  };
}

function skipBlocks(parts: readonly Skip[]): Skip {
  const element = inSequence(parts);
  return (buffer, start) => {
    let pos = start;
    for (;;) {
      const next = skipVarint(buffer, pos);
      if (next < 0) return -1;
      let count = varintAt(buffer, pos);
      pos = next;
      if (count === 0) return pos;
      if (count < 0) {
        count = -count;
        pos = skipVarint(buffer, pos);
        if (pos < 0) return -1;
      }
      // Elements of no bytes at all (null) may be many only in forged data.
      if (count > buffer.length) return -1;
      for (; count > 0; count--) {
        pos = element(buffer, pos);
        if (pos < 0) return -1;
      }
    }
  };
}
