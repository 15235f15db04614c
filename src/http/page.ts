import { SCRIPT } from './page-script.js';

/** No assets from elsewhere, nothing but our own script, and only our own JSON. */
export const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
} as const;

const STYLE = `
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#1b2430;--soft:#667085;--line:#e3e7ed;--ours:#0b7a75;--pop:#b3bcc9;--bad:#c0392b;--good:#1e8e5a}
@media(prefers-color-scheme:dark){:root{--bg:#10151c;--card:#18202a;--ink:#e6ebf2;--soft:#93a0b2;--line:#2a3441;--ours:#2fb5ad;--pop:#56657a;--bad:#ff7b6b;--good:#4fcf8f}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.45 system-ui,sans-serif}
main{max-width:1080px;margin:0 auto;padding:24px 20px 60px}
header{display:flex;align-items:baseline;gap:12px;flex-wrap:wrap}
h1{font-size:22px;margin:0}h2{font-size:15px;margin:0 0 10px}
.soft{color:var(--soft)}.good{color:var(--good)}.bad{color:var(--bad)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:18px 0}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px}
.tile b{display:block;font-size:24px;font-variant-numeric:tabular-nums}
.tile svg{display:block;width:100%;height:28px;margin-top:6px}
.tile polyline{fill:none;stroke:var(--ours);stroke-width:1.5;vector-effect:non-scaling-stroke}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(420px,1fr));gap:12px}
@media(max-width:500px){.two{grid-template-columns:1fr}}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th{text-align:left;font-weight:500;color:var(--soft);font-size:13px}
th,td{padding:4px 8px 4px 0;border-bottom:1px solid var(--line)}
td.n,th.n{text-align:right}
.bar{height:7px;border-radius:2px;background:var(--pop);margin:2px 0;min-width:1px}
.bar.ours{background:var(--ours)}
form{display:flex;gap:8px;flex-wrap:wrap;margin-bottom:10px}
input,select,button{font:inherit;padding:6px 10px;border:1px solid var(--line);border-radius:6px;background:var(--bg);color:inherit}
button{background:var(--ours);border-color:var(--ours);color:#fff;cursor:pointer}
ol{margin:6px 0 12px;padding-left:24px}a{color:var(--ours)}
`;

/** The status page: refreshes itself from /status, and looks recommendations up. */
export const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>isthmus</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<header><h1 id="app">isthmus</h1><span id="state" role="status">…</span><span id="about" class="soft"></span></header>
<section class="tiles" id="tiles"></section>
<section class="two">
<div class="card"><h2>HR@10, each event predicted before it is learned</h2>
<table><thead><tr><th>domain</th><th class="n">events</th><th class="n">isthmus</th><th class="n">popularity</th><th></th></tr></thead><tbody id="quality"></tbody></table></div>
<div class="card"><h2>Tasks</h2>
<table><thead><tr><th>partition</th><th>state</th><th class="n">offset</th><th class="n">lag</th><th class="n">users</th></tr></thead><tbody id="tasks"></tbody></table></div>
<div class="card"><h2>What would a user want?</h2>
<form id="ask"><input id="user" placeholder="user id" required maxlength="256" aria-label="user id"><select id="domain" aria-label="domain"><option value="">all domains</option></select><button>Look up</button></form>
<div id="answer"></div></div>
</section>
<p class="soft"><a href="metrics">metrics</a> · <a href="model">model</a> · <a href="tasks">tasks</a> · <a href="status">status</a> · <a href="readyz">readyz</a> · <a href="healthz">healthz</a></p>
</main>
<script>${SCRIPT}</script>
</body>
</html>
`;
