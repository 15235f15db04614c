import { hash, MOST_LABEL_CHARACTERS, MOST_LABELS, normalised, wordsOf } from './features.js';

/** Kinds of features that items are compared by: categories, and words (of title and text, and tags). */
export const KINDS = 2;
/** Features of each kind that are kept of an item. */
export const MOST_OF_A_KIND = 32;
/** Places for the features of an item: those of the first kind, then those of the second. */
export const PLACES = KINDS * MOST_OF_A_KIND;
/** A feature is a number below this, above 0. */
export const CODES = 1 << 16;

/** Scripts that are written without spaces: there, pairs of characters take the place of words. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

/** Numbers of four digits, which are years mostly: those near one another have spans in common. */
const YEAR = /^\d{4}$/;
/** Years in a span, and from the beginning of one to that of the next. */
const SPAN_YEARS = 8;
const NEXT_SPAN_YEARS = 2;

/** What a catalogue says of an item, of which features are made. */
export interface Described {
  readonly title: string | null;
  readonly categories: readonly string[];
  readonly tags: readonly string[];
  readonly text: string | null;
}

/**
 * The features of an item one by one, as numbers from 1 to 2^16 - 1 that come from hashes: (64), 32 categories
 * and 32 words at the most, 0 where there is none.
 *
 *     categories: as wholes
 *     words:      those of the title; the spans of eight years that years there are in (1995: 1988 to 1995 ... 1994 to
 *                 2001); tags, as wholes; then those of the text, the longer and the more frequent first
 */
export function sparseFeatures({ title, categories, tags, text }: Described): Uint16Array {
  const features = new Uint16Array(PLACES);
  place(features, 0, labelsOf(categories));
  const words = unitsOf(title);
  const spans = words.flatMap(spansOf);
  place(features, 1, [...words, ...spans, ...labelsOf(tags), ...strongest(unitsOf(text))]);
  return features;
}

/** As they are compared. */
function labelsOf(labels: readonly string[]): string[] {
  const read = labels.slice(0, MOST_LABELS);
  return read.map((label) => normalised(label.slice(0, MOST_LABEL_CHARACTERS)).trim());
}

/** Words of a text, or pairs of characters where words are not told apart; in their order. */
function unitsOf(text: string | null): string[] {
  const units: string[] = [];
  for (const word of wordsOf(text)) {
    const points = UNSPACED.test(word) ? [...word] : [];
    if (points.length < 3) units.push(word);
    for (let i = 0; points.length > 2 && i + 2 <= points.length; i++) {
      units.push(points[i]! + points[i + 1]!);
    }
  }
  return units;
}

/** The spans of years that a year is in; none for other words. */
function spansOf(word: string): string[] {
  if (!YEAR.test(word)) return [];
  const year = Number(word);
  const spans: string[] = [];
  const last = Math.floor(year / NEXT_SPAN_YEARS) * NEXT_SPAN_YEARS;
  for (let from = last; from > year - SPAN_YEARS; from -= NEXT_SPAN_YEARS) {
    spans.push(`${from} to ${from + SPAN_YEARS - 1}`);
  }
  return spans;
}

/** Those that are likely to tell most, first: what is long is rare, and what comes again is meant. */
function strongest(units: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const unit of units) counts.set(unit, (counts.get(unit) ?? 0) + 1);
  const strength = ([unit, count]: readonly [string, number]): number => unit.length * count;
  return [...counts].sort((a, b) => strength(b) - strength(a)).map(([unit]) => unit);
}

/** Puts the first different ones into the places of a kind. */
function place(features: Uint16Array, kind: number, texts: readonly string[]): void {
  const taken = new Set<number>();
  for (const text of texts) {
    if (taken.size === MOST_OF_A_KIND) break;
    if (text === '') continue;
    const code = 1 + (hash(`${kind} ${text}`) % (CODES - 1));
    if (taken.has(code)) continue;
    features[kind * MOST_OF_A_KIND + taken.size] = code;
    taken.add(code);
  }
}
