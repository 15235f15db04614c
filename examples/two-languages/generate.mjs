/**
 * One catalogue in a German and a Japanese shop: ids and titles are different, tags are the same. Nobody
 * is in both shops.
 */
const KINDS = [
  { tag: 'bike', de: 'Fahrradlampe', ja: '自転車ライト' },
  { tag: 'tea', de: 'Grüner Tee', ja: '緑茶' },
  { tag: 'chess', de: 'Schachbrett aus Holz', ja: '木製チェス盤' },
];

export function events() {
  const rows = [];
  for (const shop of ['de', 'ja']) {
    for (let person = 0; person < 300; person++) {
      const { tag } = KINDS[person % 3];
      for (let i = 0; i < 6; i++) {
        rows.push([`${shop}-${person}`, `${shop}-${tag}-${(person * 7 + i * 5) % 15}`, shop]);
      }
    }
  }
  return ['user_id,item_id,domain,sequence', ...rows.map((row, i) => `${row.join(',')},${i}`)];
}

export function items() {
  const rows = [];
  for (const kind of KINDS) {
    for (const shop of ['de', 'ja']) {
      for (let i = 0; i < 15; i++) {
        rows.push(`${shop}-${kind.tag}-${i},${shop},${kind[shop]} ${i + 1},${kind.tag}`);
      }
    }
  }
  return ['item_id,domain,title,tags', ...rows];
}
