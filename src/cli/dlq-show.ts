import type { DeadLetter } from '../dlq/letters.js';
import type { OutgoingEvent } from '../serde/events.js';
import type { CommonOptions } from './arguments.js';
import { settingsOf } from './context.js';
import { say, sayJson } from './output.js';

/** Bytes that people are shown; `--json` has all of them. */
const SHOWN_BYTES = 512;

/** Prints a dead letter: the event where the bytes are one, else the bytes. */
export async function showLetter(
  letter: DeadLetter,
  options: CommonOptions & { json: boolean },
  summary: Record<string, unknown>,
): Promise<void> {
  const event = await eventOf(letter, options);
  const hex = letter.value?.toString('hex') ?? null;
  const headers = Object.fromEntries(
    Object.entries(letter.headers).map(([name, value]) => [name, value.toString()]),
  );
  const key = letter.key?.toString() ?? null;
  if (options.json) return sayJson({ ...summary, key, headers, event, hex });
  for (const [name, value] of Object.entries({ ...summary, key })) {
    say(`${name.padEnd(8)} ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  }
  for (const [name, value] of Object.entries(headers)) say(`header   ${name}: ${value}`);
  if (event !== null) return say(`event    ${JSON.stringify(event, null, 2)}`);
  if (hex === null) return say('value    none');
  const more = (letter.value?.length ?? 0) - SHOWN_BYTES;
  say(`value    ${hex.slice(0, SHOWN_BYTES * 2)}${more > 0 ? ` and ${more} bytes more` : ''}`);
}

/** The event, where the bytes can be decoded now; what cannot is why it is here. */
async function eventOf(
  { value, truncatedBytes }: DeadLetter,
  options: CommonOptions,
): Promise<OutgoingEvent | null> {
  if (truncatedBytes !== null) return null;
  const [{ openSerde }, { UndecodableError }] = await Promise.all([
    import('../serde/open.js'),
    import('../serde/errors.js'),
  ]);
  const serde = await openSerde(settingsOf(options));
  try {
    await serde.load([value]);
  } catch {
    // The registry is away: what needs it is shown in hex.
  }
  const event = serde.events.tryDecode(value);
  return event instanceof UndecodableError ? null : event;
}
