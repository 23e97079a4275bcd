// Makes the pictures of the README from the screenshots, small enough for a repository.

import { chromium } from '@playwright/test';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const from = new URL('../../../.cache/screenshots/', import.meta.url);
const to = new URL('../../../docs/pictures/', import.meta.url);
const pictures = ['lobby-dark', 'sensor-light', 'room-light'];
const mostBytes = 150_000;

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
const browser = await chromium.launch({ args: ['--no-sandbox'], ...(executablePath && { executablePath }) });
const page = await browser.newPage();
mkdirSync(to, { recursive: true });
for (const name of pictures) {
  const png = readFileSync(new URL(`${name}.png`, from)).toString('base64');
  const webp = await page.evaluate(async (png) => {
    const image = new Image();
    image.src = `data:image/png;base64,${png}`;
    await image.decode();
    const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height });
    canvas.getContext('2d').drawImage(image, 0, 0);
    return canvas.toDataURL('image/webp', 0.9).split(',')[1];
  }, png);
  const bytes = Buffer.from(webp, 'base64');
  if (bytes.length > mostBytes) throw new Error(`${name}: ${bytes.length} bytes, at most ${mostBytes} are wanted`);
  writeFileSync(new URL(`${name}.webp`, to), bytes);
  console.log(`docs/pictures/${name}.webp: ${bytes.length} bytes`);
}
await browser.close();
