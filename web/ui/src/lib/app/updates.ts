import { toasts } from '../design/toasts.svelte.ts';
import { m } from '../text/index.svelte.ts';

/** Registers the service worker, and offers to reload once a newer version of the app is there. */
export async function keepForOffline(): Promise<void> {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  const registration = await navigator.serviceWorker.register('/sw.js').catch(() => undefined);
  if (!registration) return; // a private window, or a server that was built without the app: it works online
  if (registration.waiting) void offer(registration.waiting);
  registration.addEventListener('updatefound', () => {
    const worker = registration.installing;
    worker?.addEventListener('statechange', () => {
      if (worker.state === 'installed' && navigator.serviceWorker.controller) void offer(worker);
    });
  });
}

async function offer(worker: ServiceWorker): Promise<void> {
  if (await isOfThisVersion(worker)) return worker.postMessage('activate');
  toasts.show(m.app.updated(), { lasting: true, action: { label: m.app.update(), run: () => reload(worker) } });
}

function reload(worker: ServiceWorker): void {
  navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true });
  worker.postMessage('activate');
}

/** Whether the page came from the server newer than the worker that was kept: then there is nothing to reload. */
function isOfThisVersion(worker: ServiceWorker): Promise<boolean> {
  const script = document.querySelector<HTMLScriptElement>('script[type=module][src]');
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = ({ data }) => resolve(data === true);
    worker.postMessage({ entry: new URL(script?.src ?? location.href).pathname }, [port2]);
  });
}
