// Serves the page of charts from their sources.
import { createServer } from 'vite';

export async function servePage() {
  const root = new URL('../..', import.meta.url).pathname;
  const server = await createServer({ root, logLevel: 'error', server: { port: 0, host: '127.0.0.1', hmr: false, watch: null } });
  await server.listen();
  const { port } = server.httpServer.address();
  return { url: `http://127.0.0.1:${port}/e2e/charts/page.html`, close: () => server.close() };
}
