import { fileURLToPath } from 'node:url';
import type { BehaviorEvent } from '../../online/types.js';
import type { Item } from '../../serde/types.js';
import { type CsvRow, readCsv } from './csv.js';
import { csvInvalid } from './errors.js';

/**
 * The domains that films are divided into, with the genres that lead there. A film of several genres
 * belongs to the first domain in this order that has one of them: what sets a film apart comes
 * first, what nearly every film has (comedy, drama) comes last. Films of no genre are drama.
 *
 * So the ratings are spread 11 : 27 : 21 : 13 : 18 : 11 (thousands), and 507 of the 610 users have
 * five ratings or more in at least three domains.
 */
export const FILM_DOMAINS: readonly (readonly [domain: string, genres: readonly string[]])[] = [
  ['family', ['Animation', 'Children']],
  ['fantastic', ['Sci-Fi', 'Fantasy', 'Horror']],
  ['action', ['Action', 'Adventure', 'War', 'Western']],
  ['suspense', ['Crime', 'Thriller', 'Mystery', 'Film-Noir']],
  ['comedy', ['Comedy']],
  ['drama', ['Drama', 'Romance', 'Documentary', 'Musical']],
];

/** Returns the domain of a film with these genres. */
export function filmDomain(genres: readonly string[]): string {
  const found = FILM_DOMAINS.find(([, group]) => genres.some((genre) => group.includes(genre)));
  return found?.[0] ?? 'drama';
}

export interface Film {
  readonly itemId: string;
  readonly title: string;
  readonly domain: string;
  readonly genres: readonly string[];
}

export interface MovieLens {
  /** By item id. */
  readonly films: ReadonlyMap<string, Film>;
  /** Ratings (`rate`, value = stars) in order of time; equal times in order of the file. */
  readonly events: readonly BehaviorEvent[];
}

/** Where the data set lies in the project; its terms are in README.txt there. */
export const MOVIELENS_FOLDER = fileURLToPath(
  new URL('../../../data/ml-latest-small/', import.meta.url),
);

/**
 * Returns the films and ratings of ml-latest-small (100,836 ratings of 9,742 films by 610 users,
 * about 40 MB in memory).
 *
 * Errors: CSV_INVALID (usage) where the files are missing or broken.
 *
 * Source: F. Maxwell Harper and Joseph A. Konstan (2015), doi:10.1145/2827872.
 */
export async function readMovieLens(folder: string = MOVIELENS_FOLDER): Promise<MovieLens> {
  const films = new Map<string, Film>();
  for await (const [itemId, title, genreList] of cells(folder, 'movies.csv.gz', 3)) {
    const genres = genreList!.split('|');
    films.set(itemId!, { itemId: itemId!, title: title!, domain: filmDomain(genres), genres });
  }
  const events: BehaviorEvent[] = [];
  let line = 1;
  for await (const [userId, itemId, stars, seconds] of cells(folder, 'ratings.csv.gz', 4)) {
    line++;
    const domain = films.get(itemId!)?.domain;
    if (domain === undefined) throw csvInvalid('ratings.csv.gz', line, `no film ${itemId}`);
    events.push({
      userId: userId!,
      itemId: itemId!,
      domain,
      action: 'rate',
      value: Number(stars),
      occurredAtMs: Number(seconds) * 1000,
      eventId: `ratings.csv:${line}`,
    });
  }
  events.sort((a, b) => a.occurredAtMs - b.occurredAtMs);
  return { films, events };
}

/** Returns what is known of a film, as a catalogue says it: title, genres and tags. */
export function filmItem({ itemId, domain, title, genres }: Film, tags: readonly string[]): Item {
  // `(no genres listed)` is none.
  const categories = genres.filter((genre) => !genre.startsWith('('));
  return { itemId, domain, title, categories, tags: [...tags], text: null, vectors: {} };
}

/**
 * Returns the different tags that people gave to films, by item id, in lower case: tags.csv of
 * ml-latest-small, which does not come with the project. Errors: CSV_INVALID (usage).
 */
export async function readFilmTags(file: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const tags = new Map<string, Set<string>>();
  for await (const [, itemId, tag] of rowsOf(file, file, 4)) {
    let own = tags.get(itemId!);
    if (own === undefined) {
      own = new Set();
      tags.set(itemId!, own);
    }
    own.add(tag!.trim().toLowerCase());
  }
  return new Map([...tags].map(([itemId, own]) => [itemId, [...own]]));
}

/** Yields the rows below the header of a file of the data set. */
function cells(folder: string, name: string, count: number) {
  return rowsOf(`${folder.replace(/\/$/, '')}/${name}`, name, count);
}

/** Yields the rows below the header, all of so many cells. @param name What errors call the file. */
async function* rowsOf(file: string, name: string, count: number) {
  const onBroken = (line: number, why: string): void => {
    throw csvInvalid(name, line, why);
  };
  let header = true;
  for await (const rows of readCsv(file, { onBroken })) {
    for (const row of rows as readonly CsvRow[]) {
      if (header) header = false;
      else if (row.cells.length === count) yield row.cells;
      else onBroken(row.line, `has ${row.cells.length} columns, not ${count}`);
    }
  }
}
