import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const desktop = { viewport: { width: 1200, height: 850 } } satisfies BrowserContextOptions;
const phone = {
  viewport: { width: 360, height: 740 },
  hasTouch: true,
  isMobile: true,
} satisfies BrowserContextOptions;

/** Both themes, at a desk and at a phone's width. */
export const devices: Readonly<Record<string, BrowserContextOptions>> = {
  'light-desktop': { ...desktop, colorScheme: 'light' },
  'dark-desktop': { ...desktop, colorScheme: 'dark' },
  'light-phone': { ...phone, colorScheme: 'light' },
  'dark-phone': { ...phone, colorScheme: 'dark' },
};

/** Starts Chromium, the one that CHROMIUM names or Debian's. It talks to nobody but the pages it is sent to. */
export async function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      ...['--no-sandbox', '--headless', '--no-first-run', '--metrics-recording-only', '--disable-sync'],
      ...['--disable-background-networking', '--disable-component-update', '--disable-domain-reliability'],
    ],
  });
}

/** What is wrong with a page as it is shown. */
export interface Flaws {
  /** pixels by which it is wider than the window */
  readonly sideways: number;
  /** what axe-core finds, however slight, as `impact rule at element` */
  readonly violations: readonly string[];
}

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** Takes the page's picture into `folder`, and answers what is wrong with it. Its context must have `bypassCSP`. */
export async function inspect(page: Page, folder: string, name: string): Promise<Flaws> {
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
  await page.addScriptTag({ path: axe });
  return page.evaluate<Flaws>(`axe.run().then(({ violations }) => ({
    sideways: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    violations: violations.flatMap(({ id, impact, nodes }) =>
      nodes.map(({ target }) => impact + ' ' + id + ' at ' + target.join(' '))),
  }))`);
}
