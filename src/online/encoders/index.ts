import { attentionEncoder } from './attention.js';
import { convEncoder } from './conv.js';
import { type DecayOptions, decaying } from './decay.js';
import type { Encoder } from './encoder.js';
import { gruEncoder } from './gru.js';
import { meanEncoder } from './mean.js';

/** All encoders by name; the laws in test/checks run over each of them. */
export const ENCODERS: ReadonlyMap<string, Encoder> = new Map(
  [meanEncoder, convEncoder, gruEncoder, attentionEncoder].map((each) => [each.name, each]),
);

/** The encoder of that name, or a RangeError that lists the names. */
export function encoderNamed(name: string, decay?: DecayOptions): Encoder {
  const encoder = ENCODERS.get(name);
  if (encoder === undefined) {
    throw new RangeError(
      `There is no encoder '${name}'; there are ${[...ENCODERS.keys()].join(', ')}`,
    );
  }
  return decay === undefined ? encoder : decaying(encoder, decay);
}
