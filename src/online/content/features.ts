/**
 * From what is said of an item to hashed features: pure, of any script.
 */

/** A hashed feature space has so many places. */
export const FEATURES = 1 << 14;

/** Characters of title and text that are read; what is beyond is left out. */
export const MOST_CHARACTERS = 20_000;
/** Categories, and tags, that are read of an item. */
export const MOST_LABELS = 64;
/** Characters of a category or a tag that are read. */
export const MOST_LABEL_CHARACTERS = 200;

/** How much a word of the title counts against one of the text. */
const TITLE = 3;
/** A trigram of characters against a whole word. */
const TRIGRAM = 0.3;
const CATEGORY = 2;
const TAG = 1;

const WORD = /[\p{L}\p{M}\p{N}]+/gu;

/** Weights by place of the feature space. */
export type Features = Map<number, number>;

/** What a catalogue says of an item in words. */
export interface ItemText {
  readonly title: string | null;
  readonly text: string | null;
}

/**
 * Words and character trigrams of title and text, each with weight ±(1 + log of how often it is there):
 *
 *     NFKC, lower case; words are runs of letters, marks and digits; the trigrams of a word are those of
 *     `^word$`, by code points, so that scripts without spaces have features, too.
 *
 * A feature's place and sign come from a hash of it (Weinberger et al. 2009).
 */
export function textFeatures({ title, text }: ItemText): Features {
  const counts = new Map<string, number>();
  countWords(title, TITLE, counts);
  countWords(text, 1, counts);
  return hashed(counts);
}

/** Categories and tags, as wholes; a category counts twice what a tag does. */
export function labelFeatures(categories: readonly string[], tags: readonly string[]): Features {
  const counts = new Map<string, number>();
  const add = (labels: readonly string[], weight: number): void => {
    for (const label of labels.slice(0, MOST_LABELS)) {
      const plain = normalised(label.slice(0, MOST_LABEL_CHARACTERS)).trim();
      if (plain !== '') counts.set(`l ${plain}`, Math.max(counts.get(`l ${plain}`) ?? 0, weight));
    }
  };
  add(tags, TAG);
  add(categories, CATEGORY);
  return hashed(counts, (weight) => weight);
}

/** The main category as a number from 1 to 2^30 - 1, or 0 for none. Other names may have the same one. */
export function categoryNumber(categories: readonly string[]): number {
  const [main] = categories;
  if (main === undefined) return 0;
  const plain = normalised(main.slice(0, MOST_LABEL_CHARACTERS)).trim();
  return plain === '' ? 0 : (hash(`c ${plain}`) % (2 ** 30 - 1)) + 1;
}

function countWords(text: string | null, weight: number, counts: Map<string, number>): void {
  const add = (feature: string, by: number): void => {
    counts.set(feature, (counts.get(feature) ?? 0) + by);
  };
  for (const word of wordsOf(text)) {
    add(`w ${word}`, weight);
    const points = ['^', ...word, '$'];
    for (let i = 0; i + 3 <= points.length; i++) {
      add(`t ${points[i]}${points[i + 1]}${points[i + 2]}`, weight);
    }
  }
}

/** Runs of letters, marks and digits, in lower case; in their order. */
export function wordsOf(text: string | null): string[] {
  return text === null ? [] : Array.from(normalised(cut(text)).matchAll(WORD), ([word]) => word);
}

/** Without half of a surrogate pair at the end. */
function cut(text: string): string {
  if (text.length <= MOST_CHARACTERS) return text;
  const last = text.charCodeAt(MOST_CHARACTERS - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? MOST_CHARACTERS - 1 : MOST_CHARACTERS);
}

export function normalised(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}

function hashed(
  counts: ReadonlyMap<string, number>,
  weigh = (count: number, feature: string) =>
    (1 + Math.log(count)) * (feature.startsWith('t') ? TRIGRAM : 1),
): Features {
  const features: Features = new Map();
  for (const [feature, count] of counts) {
    const code = hash(feature);
    const place = code % FEATURES;
    const sign = code >= 2 ** 31 ? 1 : -1;
    features.set(place, (features.get(place) ?? 0) + sign * weigh(count, feature));
  }
  return features;
}

/** FNV-1a over UTF-16 code units, stirred (the finaliser of MurmurHash3), 32 bits. */
export function hash(text: string): number {
  let code = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) code = Math.imul(code ^ text.charCodeAt(i), 0x01000193);
  code = Math.imul(code ^ (code >>> 16), 0x85ebca6b);
  code = Math.imul(code ^ (code >>> 13), 0xc2b2ae35);
  return (code ^ (code >>> 16)) >>> 0;
}
