/* global version, files -- the build writes these in front: see build/serviceWorker.ts */

// Keeps the app's own files, so that it opens without a network. What the API
// answers is never kept: measurements are private, and old ones mislead.

const cacheName = `sensocto-app-${version}`;
const shell = '/';
const extras = ['/icon.svg', '/manifest.webmanifest'];
const navigationMS = 4000;

// Addresses that are not the app's: the server answers them, or nobody.
const notTheApp = /^\/(api|socket|static|account|metrics|healthz|readyz)(\/|$)/;

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(cacheName).then((cache) => cache.addAll([shell, ...extras, ...files])));
});

self.addEventListener('activate', (event) => {
  event.waitUntil(removeOthers().then(() => self.clients.claim()));
});

async function removeOthers() {
  const names = await caches.keys();
  await Promise.all(names.filter((n) => n.startsWith('sensocto-app-') && n !== cacheName).map((n) => caches.delete(n)));
}

// A page asks whether it is of this version, and tells when to take over.
self.addEventListener('message', (event) => {
  if (event.data === 'activate') self.skipWaiting();
  if (event.data?.entry) event.ports[0].postMessage(files.includes(event.data.entry));
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== self.location.origin || notTheApp.test(url.pathname)) return;
  if (request.mode === 'navigate') event.respondWith(navigate(request));
  else if (files.includes(url.pathname) || extras.includes(url.pathname)) event.respondWith(kept(request));
});

/** The page from the server, so that it is the newest; the kept one where the server does not answer soon. */
async function navigate(request) {
  try {
    return await fetch(request, { signal: AbortSignal.timeout(navigationMS) });
  } catch {
    return (await caches.match(shell, { cacheName })) ?? Response.error();
  }
}

async function kept(request) {
  return (await caches.match(request, { cacheName })) ?? fetch(request);
}
