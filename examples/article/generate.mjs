/** Browsing and buying are two domains of the same three goods: 300 rounds of three users. */
const STUDY = [
  { user: 'user-1', browsed: ['A', 'B'], bought: 'A' },
  { user: 'user-2', browsed: ['B', 'C'], bought: 'B' },
  { user: 'user-3', browsed: ['A', 'C'], bought: 'C' },
];

export function events() {
  const rows = [];
  for (let round = 0; round < 300; round++) {
    for (const { user, browsed, bought } of STUDY) {
      for (const item of browsed) rows.push([user, item, 'browse']);
      rows.push([user, bought, 'buy']);
    }
  }
  // New ones have browsed and never bought.
  for (const { user, browsed } of STUDY) {
    for (const item of browsed) rows.push([`new-${user}`, item, 'browse']);
  }
  return ['user_id,item_id,domain,sequence', ...rows.map((row, i) => `${row.join(',')},${i}`)];
}
