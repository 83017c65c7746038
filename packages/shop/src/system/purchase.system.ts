import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ShopOnLoopback } from '../local/shop-on-loopback.ts';

/** Pictures of every page, to be looked at. */
const SCREENSHOTS = process.env.SCREENSHOTS ?? join(tmpdir(), 'shop-screenshots');
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

const DEVICES: Readonly<Record<string, BrowserContextOptions>> = {
  'light desktop': { colorScheme: 'light', viewport: { width: 1200, height: 850 } },
  'dark desktop': { colorScheme: 'dark', viewport: { width: 1200, height: 850 } },
  'light phone': {
    colorScheme: 'light',
    viewport: { width: 360, height: 740 },
    hasTouch: true,
    isMobile: true,
  },
  'dark phone': {
    colorScheme: 'dark',
    viewport: { width: 360, height: 740 },
    hasTouch: true,
    isMobile: true,
  },
};

let shop: ShopOnLoopback;
let browser: Browser;

beforeAll(async () => {
  mkdirSync(SCREENSHOTS, { recursive: true });
  shop = await ShopOnLoopback.open();
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--headless',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-domain-reliability',
      '--disable-sync',
      '--metrics-recording-only',
      '--no-first-run',
    ],
  });
});

afterAll(async () => {
  await browser?.close();
  await shop?.close();
});

/** Takes the page's picture, and holds it to what every page promises. */
async function inspect(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(SCREENSHOTS, `${name.replaceAll(' ', '-')}.png`), fullPage: true });
  const width = await page.evaluate(
    'document.documentElement.scrollWidth - document.documentElement.clientWidth',
  );
  expect(width, `${name} scrolls sideways`).toBe(0);
  await page.addScriptTag({ path: AXE });
  const violations = (await page.evaluate(
    'axe.run().then(({violations}) => violations.map(({id, impact, nodes}) => ({id, impact, at: nodes.map(n => n.target.join(" "))})))',
  )) as { id: string; impact: string; at: string[] }[];
  expect(violations, name).toEqual([]);
}

describe.each(Object.entries(DEVICES))('in a browser, %s', (device, options) => {
  it('a customer looks around, changes the currency, buys and is thanked', { timeout: 120_000 }, async () => {
    // The pages forbid scripts; only the test's own accessibility check needs one.
    const context = await browser.newContext({ ...options, bypassCSP: true });
    const page = await context.newPage();
    const address = shop.url('frontend');
    try {
      await page.goto(address);
      await inspect(page, `${device} home`);
      expect(await page.locator('body').getAttribute('data-served-by-side')).toBe('vm');
      expect(await page.getByRole('listitem').count()).toBe(12);

      await page.getByRole('link', { name: /^Desk Lamp/ }).click();
      await inspect(page, `${device} product`);
      await page.getByLabel('Currency').selectOption('EUR');
      await page.getByRole('button', { name: 'Switch currency' }).click();
      expect(await page.locator('.price').textContent()).toBe('€47.77');

      await page.getByLabel('Quantity').selectOption('2');
      await page.getByRole('button', { name: 'Add to cart' }).click();
      await inspect(page, `${device} cart`);
      expect(await page.getByRole('link', { name: /^Cart/ }).textContent()).toContain('2');

      await page.getByLabel('Card number').fill('4111 1111 1111 1112');
      await page.getByRole('button', { name: 'Place the order' }).click();
      expect(await page.getByRole('alert').textContent()).toContain('typing mistake');
      await inspect(page, `${device} refused`);

      await page.getByLabel('Card number').fill('4111 1111 1111 1111');
      await page.getByLabel('Code', { exact: true }).fill('123');
      await page.getByRole('button', { name: 'Place the order' }).click();
      await page.getByRole('heading', { name: 'Thank you. It’s on its way.' }).waitFor();
      await inspect(page, `${device} order`);
      expect(await page.locator('#tracking-id').textContent()).toMatch(/^OB-/);

      await page.goto(`${address}/search?q=kitchen`);
      await inspect(page, `${device} search`);
      await page.goto(`${address}/cart`);
      await inspect(page, `${device} empty cart`);
    } finally {
      await context.close();
    }
  });
});

describe('with the keyboard and without scripts', () => {
  it('the first key press offers to skip the head, and a purchase needs no mouse', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    try {
      await page.goto(`${shop.url('frontend')}/product/6E92ZMYYFZ`);
      await page.keyboard.press('Tab');
      expect(await page.locator(':focus').textContent()).toBe('Skip to content');
      await page.getByRole('button', { name: 'Add to cart' }).focus();
      await page.keyboard.press('Enter');
      await page.waitForURL('**/cart');
      await page.getByLabel('Email').focus();
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Thank you. It’s on its way.' }).waitFor();
    } finally {
      await context.close();
    }
  });
});

describe('while the catalog is away', () => {
  it('the page says so, and comes back by itself without a click', async () => {
    const context = await browser.newContext({ bypassCSP: true, colorScheme: 'dark' });
    const page = await context.newPage();
    await shop.stop('productcatalogservice', 'SIGKILL');
    try {
      const answer = await page.goto(shop.url('frontend'));
      expect(answer?.status()).toBe(503);
      expect(await page.getByRole('heading').first().textContent()).toBe('Our catalog is away');
      await inspect(page, 'catalog away');
      await shop.start('productcatalogservice');
      await page.getByRole('heading', { name: 'Everything we sell' }).waitFor({ timeout: 20_000 });
    } finally {
      if (!shop.programs.includes('productcatalogservice')) await shop.start('productcatalogservice');
      await context.close();
    }
  });
});
