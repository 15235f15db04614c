import type { Encoder } from './encoder.js';
import { meanEncoder } from './mean.js';

/** All encoders by name; the laws in test/checks run over each of them. */
export const ENCODERS: ReadonlyMap<string, Encoder> = new Map(
  [meanEncoder].map((encoder) => [encoder.name, encoder]),
);

/** The encoder of that name, or a RangeError that lists the names. */
export function encoderNamed(name: string): Encoder {
  const encoder = ENCODERS.get(name);
  if (encoder !== undefined) return encoder;
  throw new RangeError(
    `There is no encoder '${name}'; there are ${[...ENCODERS.keys()].join(', ')}`,
  );
}
