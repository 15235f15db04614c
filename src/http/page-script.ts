/** The page's script. All that comes from outside goes in as text, never as HTML. */
export const SCRIPT = `
'use strict';
const $ = (id) => document.getElementById(id);
const el = (tag, text, className) => {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
};
const count = (x) => (x === null || x === undefined ? '–' : Math.round(x).toLocaleString('en'));
const ms = (x) => (x === null ? '–' : x < 10 ? x.toFixed(1) + ' ms' : x < 10000 ? Math.round(x) + ' ms' : (x / 1000).toFixed(1) + ' s');
const mb = (x) => (x / 1e6).toFixed(1) + ' MB';
const share = (x) => x.toFixed(3);
const span = (s) => (s < 120 ? s + ' s' : s < 7200 ? Math.floor(s / 60) + ' min' : Math.floor(s / 3600) + ' h');

const history = new Map();
function spark(name, value) {
  const points = history.get(name) || [];
  history.set(name, points);
  points.push(value === null ? 0 : value);
  if (points.length > 120) points.shift();
  const most = Math.max(...points, 1e-9);
  const ns = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(ns, 'svg');
  svg.setAttribute('viewBox', '0 0 119 28');
  svg.setAttribute('preserveAspectRatio', 'none');
  const line = document.createElementNS(ns, 'polyline');
  line.setAttribute('points', points.map((p, i) => (119 - points.length + 1 + i) + ',' + (27 - (26 * p) / most).toFixed(1)).join(' '));
  svg.append(line);
  return svg;
}

function tile(label, text, sparkOf) {
  const node = el('div', undefined, 'card tile');
  node.append(el('span', label, 'soft'), el('b', text));
  if (sparkOf !== undefined) node.append(spark(label, sparkOf));
  return node;
}

function row(cells) {
  const tr = el('tr');
  for (const [text, className] of cells) tr.append(el('td', text, className));
  return tr;
}

function bars(ours, popularity, most) {
  const td = el('td');
  td.style.width = '35%';
  for (const [value, className] of [[ours, 'bar ours'], [popularity, 'bar']]) {
    const bar = el('div', undefined, className);
    bar.style.width = Math.min(100, (100 * value) / most) + '%';
    td.append(bar);
  }
  return td;
}

function show(status) {
  const f = status.figures;
  $('app').textContent = status.app;
  document.title = status.app + ' · isthmus';
  $('state').textContent = status.ready ? '● ready' : '● not ready: ' + status.reason;
  $('state').className = status.ready ? 'good' : 'bad';
  $('about').textContent = 'isthmus ' + status.version + (status.backend ? ' on ' + status.backend : '') + ', up ' + span(status.uptimeSeconds);
  $('tiles').replaceChildren(
    tile('events/s', count(f.eventsPerSecond), f.eventsPerSecond),
    tile('lists/s', count(f.listsPerSecond), f.listsPerSecond),
    tile('freshness p50', ms(f.freshness.p50Ms), f.freshness.p50Ms),
    tile('freshness p99', ms(f.freshness.p99Ms), f.freshness.p99Ms),
    tile('lag, records', count(f.lagRecords), f.lagRecords),
    tile('events trained', count(status.trainedEvents)),
    tile('users', count(status.users)),
    tile('items', count(status.items)),
    tile('tables', mb(status.tableBytes)),
    tile('dead letters', count(f.totals.deadLetters)),
    tile('refused', count(f.totals.refused)),
    tile('transactions', count(f.totals.committed) + (f.totals.aborted + f.totals.fenced ? ' (' + count(f.totals.aborted + f.totals.fenced) + ' not committed)' : '')),
  );
  const most = Math.max(0.05, ...f.quality.flatMap((q) => [q.recentHr10, q.recentPopularityHr10]));
  $('quality').replaceChildren(...f.quality.map((q) => {
    const tr = row([[q.domain], [count(q.events), 'n'], [share(q.recentHr10), 'n ' + (q.recentHr10 >= q.recentPopularityHr10 ? 'good' : 'bad')], [share(q.recentPopularityHr10), 'n']]);
    tr.append(bars(q.recentHr10, q.recentPopularityHr10, most));
    return tr;
  }));
  $('tasks').replaceChildren(...status.tasks.map((t) =>
    row([[t.topic + ' ' + t.partition], [t.state, t.state === 'running' ? 'good' : 'bad'], [count(t.position), 'n'], [count(t.lagRecords), 'n'], [count(t.users), 'n']])));
  const select = $('domain');
  const have = new Set([...select.options].map((option) => option.value));
  for (const domain of status.domains) {
    if (have.has(domain)) continue;
    const option = el('option', domain);
    option.value = domain;
    select.append(option);
  }
}

async function refresh() {
  try {
    show(await (await fetch('status')).json());
  } catch {
    $('state').textContent = '● no answer';
    $('state').className = 'bad';
  }
  setTimeout(refresh, 1000);
}

$('ask').addEventListener('submit', async (event) => {
  event.preventDefault();
  const answer = $('answer');
  const domain = $('domain').value;
  const query = domain === '' ? '' : '?domain=' + encodeURIComponent(domain);
  try {
    const response = await fetch('users/' + encodeURIComponent($('user').value) + '/recommendations' + query);
    const body = await response.json();
    if (!response.ok) {
      answer.replaceChildren(el('p', body.message, 'bad'));
      return;
    }
    answer.replaceChildren(...body.recommendations.flatMap((list) => {
      const from = list.transfer.length === 0
        ? 'popularity: nothing is known of this user'
        : 'from ' + list.transfer.map((t) => t.fromDomain + ' ' + Math.round(100 * t.weight) + ' %').join(', ');
      const title = el('div');
      title.append(el('b', list.domain + ' '), el('span', from, 'soft'));
      const items = el('ol');
      for (const item of list.items) {
        const li = el('li', item.title || item.itemId);
        li.append(el('span', '  ' + item.score.toFixed(3), 'soft'));
        const because = item.because.map((touched) => touched.title || touched.itemId).join(' · ');
        if (because !== '') li.append(el('span', '  because of ' + because, 'soft'));
        items.append(li);
      }
      return [title, items];
    }));
    if (body.recommendations.length === 0) answer.replaceChildren(el('p', 'No domain is known yet.', 'soft'));
  } catch {
    answer.replaceChildren(el('p', 'No answer.', 'bad'));
  }
});

refresh();
`;
