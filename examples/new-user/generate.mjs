/** A web shop and an app with goods of their own. 90 people with one taste of three each are on both. */
const TASTES = ['garden', 'music', 'sport'];

export function events() {
  const rows = [];
  for (let person = 0; person < 90; person++) {
    const taste = TASTES[person % 3];
    for (let i = 0; i < 5; i++) {
      const good = (person * 3 + i * 5) % 12;
      rows.push([`person-${person}`, `web-${taste}-${good}`, 'web']);
      rows.push([`person-${person}`, `app-${taste}-${(good * 7) % 12}`, 'app']);
    }
  }
  // They have been on the web and never in the app.
  for (const taste of TASTES) {
    for (let i = 0; i < 4; i++) rows.push([`new-${taste}`, `web-${taste}-${i * 3}`, 'web']);
  }
  return ['user_id,item_id,domain,sequence', ...rows.map((row, i) => `${row.join(',')},${i}`)];
}
