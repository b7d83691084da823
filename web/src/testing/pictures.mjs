/**
 * Takes pictures of the desk with the fixture's documents, so that a person can look at every screen without a daemon:
 * `npm run preview:fixture -- OUT_FOLDER [ONLY]`. The browser's calls are answered here; nothing listens but vite itself.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { createServer } from 'vite';

const [out = 'pictures', only = ''] = process.argv.slice(2);
const root = fileURLToPath(new URL('../..', import.meta.url));
const plan = (name) => readFileSync(new URL(`../../../config/plans/${name}`, import.meta.url), 'utf8');
mkdirSync(out, { recursive: true });

const server = await createServer({ root, logLevel: 'error', server: { port: 0, host: '127.0.0.1' } });
await server.listen();
const base = server.resolvedUrls.local[0];
const { scene } = await server.ssrLoadModule('/src/testing/fixture.ts');
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'] });

const L = { width: 1920, height: 1080 };
const M = { width: 1366, height: 768 };
const SHOTS = [
  ['login', null, '', L, 'night', 'zh'], ['login', null, '', M, 'day', 'en'],
  ['first', null, '', M, 'night', 'zh'], ['look', 'fire', '', M, 'day', 'zh'],
  ['idle', 'idle', '', L, 'night', 'zh'], ['idle', 'idle', '', M, 'day', 'zh'], ['idle', 'idle', '', M, 'night', 'en'],
  ['alarm', 'alarm', '', L, 'night', 'zh'], ['taken', 'taken', '', M, 'night', 'zh'], ['taken', 'taken', '', M, 'day', 'en'],
  ['fire', 'fire', '', L, 'night', 'zh'], ['fire', 'fire', '', M, 'night', 'zh'], ['fire', 'fire', '', M, 'day', 'en'],
  ['three', 'three', '', M, 'night', 'zh'], ['three', 'three', '', L, 'day', 'zh'], ['three', 'three', '', L, 'night', 'zh'],
  ['four', 'four', '', L, 'night', 'zh'], ['four', 'four', '', M, 'day', 'en'], ['gas', 'gas', '', M, 'night', 'zh'], ['gas', 'gas', '', L, 'day', 'en'],
  ['linkage', 'fire', '#/linkage', L, 'night', 'zh'], ['linkage', 'fire', '#/linkage', M, 'day', 'zh'],
  ['floor', 'fire', '#/floor/D1-2F', L, 'night', 'zh'], ['floor', 'fire', '#/floor/C1-1F', M, 'day', 'en'],
  ['report', 'idle', '#/report', L, 'night', 'zh'], ['report', 'alarm', '#/report', M, 'day', 'en'],
  ['command', 'command', '#/command', L, 'night', 'zh'], ['command', 'command', '#/command', M, 'day', 'en'], ['record', 'command', '', M, 'night', 'zh'],
  ['putback', 'restoring', '#/command', M, 'day', 'zh'],
  ['paper', 'command', '#/record/F-20261125-001', L, 'night', 'zh'], ['paper', 'command', '#/record/F-20261125-001', M, 'day', 'en'],
  ['false', 'false', '', M, 'night', 'zh'], ['restoring', 'restoring', '', M, 'day', 'zh'], ['posts', 'taken', '', M, 'night', 'zh'], ['refused', 'alarm', '', M, 'night', 'en'],
  ['timeline', 'fire', '#/timeline', M, 'night', 'zh'], ['stale', 'fire', '', M, 'night', 'zh'],
  ['small', 'three', '', { width: 1280, height: 720 }, 'night', 'zh'], ['small', 'fire', '', { width: 1280, height: 720 }, 'night', 'en'],
];

for (const [name, which, hash, viewport, theme, language] of SHOTS) {
  const title = `${name}-${theme}-${language}-${viewport.width}`;
  if (only && !title.startsWith(only)) continue;
  const context = await browser.newContext({ viewport });
  await context.addInitScript(([theme, language]) => {
    localStorage.setItem('fengsui.theme', theme);
    localStorage.setItem('fengsui.language', language);
  }, [theme, language]);
  const page = await context.newPage();
  page.on('pageerror', (error) => console.error(title, error.message));
  page.on('console', (message) => message.type() === 'error' && !message.text().includes('401') && console.error(title, message.text()));
  const snapshot = which ? scene(which) : null;
  const json = (route, body, status = 200) => route.fulfill({ status, contentType: 'application/json', body: JSON.stringify(body) });
  let asked = 0;
  await page.route('**/api/v1/**', (route) => {
    const path = new URL(route.request().url()).pathname.replace('/api/v1/', '');
    if (path === 'status') return json(route, { build: '0.1.0', ready: true, store: null, first_account: name === 'first' ? 'fengsui user add NAME --role director' : null, seq: 100, wall: 0, engine: 0, broker_up: true, links: { up: 2, total: 2 } });
    if (path === 'me') return snapshot ? json(route, { account: 'operator', name: '张伟', role: name === 'look' ? 'school' : 'operator', recipient: null, csrf: 'x' }) : json(route, { code: 'no_session' }, 401);
    if (path === 'state') return name === 'stale' && asked++ > 0 ? route.abort() : json(route, snapshot);
    if (path.startsWith('plans/')) return route.fulfill({ contentType: 'image/svg+xml', body: plan(path.slice(6)) });
    if (path === 'stream' && name === 'stale') return route.abort();
    if (path === 'stream') return route.fulfill({ contentType: 'text/event-stream', body: `event: heartbeat\ndata: ${JSON.stringify({ engine: snapshot.engine, wall: snapshot.wall, seq: 100, build: '0.1.0', incidents: snapshot.documents.summary.incidents.length })}\n\n` });
    return json(route, { code: 'case_closed', detail: { zh: '警情已结束', en: 'The incident is closed' }, settled_by: { name: '李娜' }, settled_at: 1795612000000, how: 'take' }, 409);
  });
  await page.goto(base + hash);
  await page.waitForSelector(which ? '[data-testid=lamp-fire]' : '[data-testid=login-submit]');
  await page.mouse.click(viewport.width - 3, viewport.height - 3);
  if (name === 'stale') await page.waitForSelector('[data-testid=stale-banner]');
  if (name === 'posts') await page.keyboard.press('F7');
  if (name === 'refused') await page.keyboard.press('F2');
  if (name === 'record') await page.keyboard.press('1');
  if (name === 'report') {
    await page.getByTestId('report-place').fill('215');
    await page.keyboard.press('Enter');
  }
  await page.waitForTimeout(700);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (wide > 0) console.error(title, 'scrolls sideways by', wide);
  await page.screenshot({ path: `${out}/${title}.png` });
  if (name === 'paper') await page.pdf({ path: `${out}/${title}.pdf`, preferCSSPageSize: true, printBackground: true });
  console.log(title);
  await context.close();
}
await browser.close();
await server.close();
