import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  FILM_DOMAINS,
  filmDomain,
  filmItem,
  type MovieLens,
  readFilmTags,
  readMovieLens,
} from '../../src/producers/replay/movielens.js';

describe('a film belongs to the first domain that has one of its genres', () => {
  const cases: [genres: string, domain: string][] = [
    ['Adventure|Animation|Children|Comedy|Fantasy', 'family'],
    ['Action|Sci-Fi', 'fantastic'],
    ['Action|Crime|Thriller', 'action'],
    ['Crime|Drama', 'suspense'],
    ['Comedy|Romance', 'comedy'],
    ['Drama', 'drama'],
    ['IMAX', 'drama'],
    ['(no genres listed)', 'drama'],
  ];
  for (const [genres, domain] of cases) {
    it(`${genres}: ${domain}`, () => expect(filmDomain(genres.split('|'))).toBe(domain));
  }
});

describe('the ratings of ml-latest-small', () => {
  let data: MovieLens;
  beforeAll(async () => {
    data = await readMovieLens();
  });

  it('are all there, in order of time, each of a film that is known', () => {
    expect(data.events).toHaveLength(100_836);
    expect(data.films.size).toBe(9742);
    let last = 0;
    let sorted = true;
    for (const event of data.events) {
      sorted &&=
        event.occurredAtMs >= last && data.films.get(event.itemId)?.domain === event.domain;
      last = event.occurredAtMs;
    }
    expect(sorted).toBe(true);
    expect(data.films.get('1')).toMatchObject({ title: 'Toy Story (1995)', domain: 'family' });
    expect(data.events[0]).toMatchObject({
      action: 'rate',
      eventId: expect.stringMatching(/^ratings/),
    });
  });

  it('are spread over the domains so that most users live in several', () => {
    const counts = new Map<string, number>();
    const users = new Map<string, Map<string, number>>();
    for (const { domain, userId } of data.events) {
      counts.set(domain, (counts.get(domain) ?? 0) + 1);
      const own = users.get(userId) ?? new Map<string, number>();
      own.set(domain, (own.get(domain) ?? 0) + 1);
      users.set(userId, own);
    }
    expect(new Set(counts.keys())).toEqual(new Set(FILM_DOMAINS.map(([domain]) => domain)));
    expect(Math.min(...counts.values())).toBeGreaterThan(10_000);
    const several = [...users.values()].filter(
      (own) => [...own.values()].filter((count) => count >= 5).length >= 3,
    );
    expect(several.length).toBe(507);
  });
});

it('what is known of a film is its title, genres, and the tags that it was given, each once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'isthmus-tags-'));
  try {
    const file = join(folder, 'tags.csv');
    const rows = ['2,1,pixar,1139045764', '7,1,"Pixar ",1139045765', '2,1,fun,1139045766'];
    await writeFile(file, ['userId,movieId,tag,timestamp', ...rows].join('\n'));
    const tags = await readFilmTags(file);
    const film = { itemId: '1', domain: 'family', title: 'Toy Story', genres: ['Animation'] };
    expect(filmItem(film, tags.get('1') ?? [])).toEqual({
      itemId: '1',
      domain: 'family',
      title: 'Toy Story',
      categories: ['Animation'],
      tags: ['pixar', 'fun'],
      text: null,
      vectors: {},
    });
    expect(filmItem({ ...film, genres: ['(no genres listed)'] }, []).categories).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

it('a folder without the files says so', async () => {
  await expect(readMovieLens('/nowhere')).rejects.toMatchObject({ code: 'CSV_INVALID' });
});
