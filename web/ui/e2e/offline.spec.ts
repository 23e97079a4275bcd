import { expect, test } from './world.ts';

test('without the server the app opens, says so, and goes on once the server is back', async ({ page, world }) => {
  world.device('one');
  await page.goto(world.url);
  await expect(page.getByRole('article', { name: 'one' })).toBeVisible();
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.reload(); // the worker has taken over
  await expect(page.getByRole('article', { name: 'one' })).toBeVisible();

  const kept = await page.evaluate(async () => {
    const all = await Promise.all((await caches.keys()).map(async (name) => (await caches.open(name)).keys()));
    return all.flat().map((request) => new URL(request.url).pathname);
  });
  expect(kept).toContain('/');
  expect(kept.filter((path) => !/^\/(assets\/|icon|manifest|$)/.test(path)), 'what the API answers is not kept').toEqual([]);

  await world.program.kill();
  await page.reload();
  await expect(page.getByText('No connection to the server.')).toBeVisible();
  await expect(page.getByText('Connecting…')).toBeVisible();
  await world.program.start();
  await expect(page.getByRole('article', { name: 'one' })).toBeVisible();
});

test('it can be installed', async ({ page, world }) => {
  await page.goto(world.url);
  const manifest = await page.evaluate(async () => (await fetch(document.querySelector<HTMLLinkElement>('link[rel=manifest]')!.href)).json() as Promise<{ icons: { src: string }[] }>);
  for (const { src } of manifest.icons) expect((await page.request.get(world.url + src)).status(), src).toBe(200);
  const devtools = await page.context().newCDPSession(page);
  const { errors } = await devtools.send('Page.getAppManifest');
  expect(errors).toEqual([]);
  const { installabilityErrors } = await devtools.send('Page.getInstallabilityErrors');
  expect(installabilityErrors.filter((e) => e.errorId !== 'in-incognito')).toEqual([]);
});
