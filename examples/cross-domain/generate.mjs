import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** The first 6,000 ratings of MovieLens: groups of genres are the domains (data/ml-latest-small). */
const GROUPS = [
  ['family', ['Animation', 'Children']],
  ['fantastic', ['Sci-Fi', 'Fantasy', 'Horror']],
  ['action', ['Action', 'Adventure', 'War', 'Western']],
  ['suspense', ['Crime', 'Thriller', 'Mystery', 'Film-Noir']],
  ['comedy', ['Comedy']],
  ['drama', []],
];

const lines = (name) =>
  gunzipSync(readFileSync(new URL(`../../data/ml-latest-small/${name}.csv.gz`, import.meta.url)))
    .toString()
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.replace('\r', ''));

export function events() {
  const domains = new Map();
  for (const line of lines('movies')) {
    const genres = line.slice(line.lastIndexOf(',') + 1).split('|');
    const group = GROUPS.find(([, known]) => genres.some((genre) => known.includes(genre)));
    domains.set(line.slice(0, line.indexOf(',')), group?.[0] ?? 'drama');
  }
  const rows = lines('ratings').map((line) => line.split(','));
  rows.sort((a, b) => a[3] - b[3]);
  return [
    'user_id,item_id,domain,action,value,time',
    ...rows
      .slice(0, 6000)
      .map(([user, film, stars, seconds]) =>
        [user, film, domains.get(film), 'rate', stars, seconds * 1000].join(','),
      ),
  ];
}
