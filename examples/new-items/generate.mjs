/** Books of three genres, read by 450 people of one taste each; of each genre there is a new one. */
const GENRES = ['crime', 'poetry', 'cookery'];
const WORDS = {
  crime: ['murder', 'inspector', 'alibi', 'night train', 'the missing heir'],
  poetry: ['verses', 'elegies', 'songs of spring', 'collected sonnets', 'odes'],
  cookery: ['bread', 'soups', 'a kitchen garden', 'slow roasting', 'pickles'],
};

export function events() {
  const rows = [];
  for (let reader = 0; reader < 450; reader++) {
    const genre = GENRES[reader % 3];
    for (let i = 0; i < 6; i++) {
      rows.push([`reader-${reader}`, `${genre}-${(reader * 7 + i * 3) % 20}`, 'books']);
    }
  }
  return ['user_id,item_id,domain,sequence', ...rows.map((row, i) => `${row.join(',')},${i}`)];
}

export function items() {
  const rows = [];
  for (const genre of GENRES) {
    for (let i = 0; i < 20; i++) {
      rows.push(`${genre}-${i},books,${WORDS[genre][i % 5]} ${i},${genre}`);
    }
    rows.push(`new-${genre},books,just out: ${WORDS[genre][2]},${genre}`);
  }
  return ['item_id,domain,title,categories', ...rows];
}
