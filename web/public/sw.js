/*
 * Keeps the guard page's shell for a phone without a network: the page itself and its built files. It never touches the
 * daemon's interface (/api) and answers nothing but the shell. The page is always asked for first; the kept one is the last
 * resort. Files under /assets carry a hash in their name and never change.
 */
const SHELL = 'fengsui-guard-1';
const PAGE = '/g';
const EXTRAS = ['/beacon.svg', '/guard.webmanifest'];
const WAIT_MS = 3000;

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(SHELL).then((shell) => shell.addAll([PAGE, ...EXTRAS])).then(() => self.skipWaiting()));
});

self.addEventListener('activate', (event) => {
  const old = caches.keys().then((names) => Promise.all(names.filter((name) => name !== SHELL).map((name) => caches.delete(name))));
  event.waitUntil(old.then(() => self.clients.claim()));
});

/** A new page means new files: those of the old one go. */
async function keepPage(response) {
  const shell = await caches.open(SHELL);
  const before = await shell.match(PAGE);
  const [was, is] = await Promise.all([before ? before.text() : '', response.clone().text()]);
  if (was !== is) {
    const requests = await shell.keys();
    await Promise.all(requests.filter(({ url }) => new URL(url).pathname.startsWith('/assets/')).map((request) => shell.delete(request)));
  }
  await shell.put(PAGE, response);
}

async function page(request) {
  try {
    const response = await fetch(request, { signal: AbortSignal.timeout(WAIT_MS) });
    if (response.ok) await keepPage(response.clone());
    return response;
  } catch {
    return (await caches.match(PAGE)) ?? Response.error();
  }
}

async function file(request) {
  const kept = await caches.match(request);
  if (kept) return kept;
  const response = await fetch(request);
  if (response.ok) await (await caches.open(SHELL)).put(request, response.clone());
  return response;
}

self.addEventListener('fetch', (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method !== 'GET' || origin !== self.location.origin || pathname.startsWith('/api/')) return;
  if (pathname === PAGE) event.respondWith(page(event.request));
  else if (pathname.startsWith('/assets/') || EXTRAS.includes(pathname)) event.respondWith(file(event.request));
});
