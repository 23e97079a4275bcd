import { expect, test } from './world.ts';

test('from nothing to a heartbeat on the screen in two clicks', async ({ page, world }) => {
  await page.goto(world.url);
  await expect(page.getByRole('heading', { name: 'No sensors yet' })).toBeVisible();
  await page.getByRole('button', { name: 'Start the demo heart' }).click();
  const tile = page.getByRole('article', { name: 'Demo heart' });
  await expect(tile.getByRole('img', { name: 'Sending' })).toBeVisible();
  await expect(tile.locator('.number').first()).toHaveText(/^\d{2,3}$/);
  await expect(page.getByRole('heading', { name: 'Pinned 1' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Account of Guest' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Start the demo heart' })).toBeHidden();
});

test('the first visit can be skipped, and does not come again', async ({ page, world }) => {
  world.device('one');
  await page.goto(world.url);
  await page.getByRole('button', { name: 'Skip' }).click();
  await expect(page.getByRole('heading', { name: 'Welcome' })).toBeHidden();
  await page.reload();
  await expect(page.getByRole('article', { name: 'one' })).toBeVisible();
  await expect(page.getByRole('heading', { name: 'Welcome' })).toBeHidden();
});

test.describe('where guests may not come in', () => {
  test.use({ flags: ['--guests', 'view', '--registration', 'open'] });

  test('the demo begins with signing in', async ({ page, world }) => {
    await page.goto(world.url);
    await page.getByRole('button', { name: 'Start the demo heart' }).click();
    await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  });
});
