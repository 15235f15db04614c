type Column =
  | Int32Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>;

/** The column itself where it has room for so many values, else a longer one that begins like it. */
export function grown<C extends Column>(column: C, length: number): C {
  if (length <= column.length) return column;
  const Columns = column.constructor as new (length: number) => C;
  const next = new Columns(Math.max(length, column.length * 2));
  next.set(column);
  return next;
}
