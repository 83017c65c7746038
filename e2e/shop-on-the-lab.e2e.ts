import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mustRun } from '../demo/src/command.ts';
import { openHome, pageAddress } from '../demo/src/shop.ts';
import { root, Scenario } from './scenario.ts';
import { devices, type Flaws, inspect, openBrowser } from './shop-browser.ts';
import { ShopCustomers } from './shop-customers.ts';
import { catalogInMesh, openShop } from './shop-opening.ts';
import { type Outage, outages, unexcused } from './shop-outages.ts';
import { killAndReturn, memoryMb, programNamed, programs, startedInMs } from './shop-programs.ts';

const manifests = join(root, 'packages/shop/manifests');
/** Pictures of the pages, to be looked at. */
const pictures = process.env.SCREENSHOTS ?? join(tmpdir(), 'meshlift-shop-pictures');
/** Everything that customers do, with many orders among it, so that each outage is met by those whom it concerns. */
const busy = {
  RATE: '20',
  CATALOG_RATE: '10',
  RECOMMENDATION_RATE: '10',
  JOURNEYS: 'browse=2,product=1,search=1,currency=1,cart=1,checkout=5',
};

const noFlaws: Flaws = { sideways: 0, violations: [] };

let scenario: Scenario;
let customers: ShopCustomers;
/** What was measured, printed at the end. */
const measured: string[] = [];

/** Ends once the VM has joined the mesh; the first test need not wait for it. */
let joining: Promise<void>;

beforeAll(async () => {
  scenario = await Scenario.begin('shop');
  customers = new ShopCustomers(scenario.stage);
  joining = catalogInMesh(scenario);
  // Told where it is waited for.
  joining.catch(() => undefined);
});
afterAll(async () => {
  process.stdout.write(measured.map((line) => `  ${line}\n`).join(''));
  await scenario?.end();
});

describe('the shop’s overlays', () => {
  it('are all accepted by the API servers, without a warning', async () => {
    const found = await overlays();
    expect(found.length).toBeGreaterThanOrEqual(10);
    for (const overlay of found) {
      // The catalog is meant for the cluster that it moves to.
      const cluster = /cluster\d+$/.exec(overlay)?.[0] ?? 'cluster2';
      const said = await apply(cluster, overlay, '--server-side', '--dry-run=server');
      expect(said.stderr, overlay).toBe('');
      expect(said.stdout, overlay).toMatch(/deployment.apps\/\w+ serverside-applied/);
    }
  });
});

describe('the shop on a running lab', () => {
  beforeAll(() => joining);

  // How soon is measured on a quiet machine: bench/shop-load.ts.
  it('serves soon after it was applied, and all of it becomes available', async () => {
    const { applied, firstPage, available } = await openShop(scenario);
    measured.push(
      `apply → first whole home page ${firstPage.toFixed(1)} s, everything available ` +
        `${available.toFixed(1)} s (kubectl apply itself ${applied.toFixed(1)} s)`,
    );
  });

  it('serves the catalog from the VM', async () => {
    expect(await openHome(scenario.stage)).toEqual({ status: 200, servedBy: 'vm', products: 12 });
  });

  it('tells of every program how long it took to start', async () => {
    const times = await Promise.all(
      programs.map(async (program) => [program.name, await startedInMs(scenario.stage, program)] as const),
    );
    measured.push(
      `start → ready, all at once: ${times.map(([name, ms]) => `${name} ${ms ?? '–'} ms`).join(', ')}`,
    );
    expect(times.filter(([, ms]) => ms === null).map(([name]) => name)).toEqual(['redis-cart']);
  });
});

describe('a customer in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());

  it.each(Object.entries(devices))('%s: buys something, and no page has a flaw', async (device, options) => {
    // The pages forbid scripts; the look at their accessibility is one.
    const context = await browser.newContext({ ...options, bypassCSP: true });
    const page = await context.newPage();
    const flawless = async (name: string) =>
      expect(await inspect(page, pictures, `${device}-${name}`), `${device} ${name}`).toEqual(noFlaws);
    try {
      await page.goto(pageAddress(scenario.stage));
      expect(await page.locator('body').getAttribute('data-served-by-side')).toBe('vm');
      await flawless('home');
      await page.getByRole('link', { name: /^Desk Lamp/ }).click();
      await page.getByLabel('Currency').selectOption('EUR');
      await page.getByRole('button', { name: 'Switch currency' }).click();
      expect(await page.locator('.price').textContent()).toBe('€47.77');
      await flawless('product');
      await page.getByLabel('Quantity').selectOption('2');
      await page.getByRole('button', { name: 'Add to cart' }).click();
      await page.getByLabel('Card number').fill('4111 1111 1111 1112');
      await page.getByRole('button', { name: 'Place the order' }).click();
      expect(await page.getByRole('alert').textContent()).toContain('typing mistake');
      await flawless('cart');
      expect(await page.getByRole('link', { name: /^Cart/ }).textContent()).toContain('2');
      await page.getByLabel('Card number').fill('4111 1111 1111 1111');
      await page.getByLabel('Code', { exact: true }).fill('123');
      await order(page);
      await flawless('order');
      await page.getByRole('searchbox').fill('kitchen');
      await page.getByRole('button', { name: 'Search' }).click();
      expect(await page.getByRole('heading', { level: 1 }).textContent()).toContain('“kitchen”');
      await flawless('search');
      await page.getByRole('link', { name: /^Cart/ }).click();
      expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Your cart is empty');
      await flawless('empty-cart');
    } finally {
      await context.close();
    }
  });

  it('is told when the catalog is away, and sees it come back without a click', async () => {
    const context = await browser.newContext({ ...devices['dark-desktop'], bypassCSP: true });
    const page = await context.newPage();
    try {
      await scenario.onVm('sudo systemctl stop productcatalogservice');
      const answer = await page.goto(pageAddress(scenario.stage));
      expect(answer?.status()).toBe(503);
      expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Our catalog is away');
      expect(await inspect(page, pictures, 'catalog-away')).toEqual(noFlaws);
      await scenario.onVm('sudo systemctl start productcatalogservice');
      await page.getByRole('heading', { name: 'Everything we sell' }).waitFor({ timeout: 60_000 });
    } finally {
      await scenario.onVm('sudo systemctl start productcatalogservice');
      await context.close();
    }
  });

  it('buys without scripts, by keyboard', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    try {
      await page.goto(`${pageAddress(scenario.stage)}/product/6E92ZMYYFZ`);
      await page.keyboard.press('Tab');
      expect(await page.locator(':focus').textContent()).toBe('Skip to content');
      await page.getByRole('button', { name: 'Add to cart' }).focus();
      await page.keyboard.press('Enter');
      await page.waitForURL('**/cart');
      await page.getByLabel('Email').focus();
      await page.keyboard.press('Enter');
      await thanked(page);
    } finally {
      await context.close();
    }
  });
});

describe('a program killed under load', () => {
  beforeAll(() => customers.become(busy));

  it.each(outages)('$program: only what needs it fails, and it heals by itself', async (outage) => {
    const { stage } = scenario;
    const program = programNamed(outage.program);
    const cart = outage.program === 'redis-cart' ? await cartWithMugs() : null;
    const began = await customers.mark();
    const killedAt = performance.now();
    const kills = await killUntilNoticed(outage, began);
    const healed = await healedAfter(killedAt);
    const during = await customers.since(began);

    measured.push(
      `${program.name} killed${kills > 1 ? ` ${kills} times` : ''}: ${during.requests.failed} of ${during.requests.total} failed ` +
        `(${summary(during.byRoute)}); whole again after ${healed} s; start → ready ` +
        `${(await startedInMs(stage, program)) ?? '–'} ms`,
    );
    expect(unexcused(outage, during)).toEqual([]);
    if (cart) expect(await cart.shown()).toEqual(cart.filled);
  });
});

describe('a program of the shop after all that', () => {
  it('takes 90 MB at most', async () => {
    const sizes = await Promise.all(
      programs.map(
        async (program) => [program.name, (await memoryMb(scenario.stage, program)).resident] as const,
      ),
    );
    measured.push(`resident MB: ${sizes.map(([name, mb]) => `${name} ${mb.toFixed(0)}`).join(', ')}`);
    expect(sizes.filter(([, mb]) => mb > 90)).toEqual([]);
  });
});

describe('the topology with .global names', () => {
  it('applies over the other, and the whole shop works through the gateways', async () => {
    for (const { context } of scenario.stage.lab.clusters) {
      const said = await apply(context, `lab/global-names/${context}`);
      expect(said.stderr).toBe('');
    }
    for (const name of ['frontend', 'checkoutservice']) {
      const { cluster } = programNamed(name);
      await scenario.stage.kubectl(cluster ?? '', [
        'rollout',
        'status',
        `deployment/${name}`,
        '--timeout=120s',
      ]);
    }
    await customers.moved();
    await healedAfter(performance.now());
    const mugs = await cartWithMugs();
    expect(await mugs.shown()).toEqual(mugs.filled);
  });
});

/** Folders of every kustomization that is meant to be applied, relative to the manifests. */
async function overlays(): Promise<string[]> {
  const found: string[] = [];
  for await (const file of glob('{lab,gke,catalog}/**/kustomization.yaml', { cwd: manifests })) {
    const component = /^kind: Component$/m.test(readFileSync(join(manifests, file), 'utf8'));
    if (!component) found.push(dirname(file));
  }
  return found.sort();
}

function apply(cluster: string, overlay: string, ...flags: string[]) {
  const { kubeconfig, tools } = scenario.stage.lab;
  return mustRun(
    [
      ...[tools.kubectl, '--kubeconfig', kubeconfig, '--context', cluster],
      ...['apply', '-k', join(manifests, overlay), ...flags],
    ],
    { signal: scenario.stage.signal },
  );
}

async function order(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Place the order' }).click();
  await thanked(page);
}

async function thanked(page: Page): Promise<void> {
  await page.getByRole('heading', { name: 'Thank you. It’s on its way.' }).waitFor();
  expect(await page.locator('#tracking-id').textContent()).toMatch(/^OB-/);
}

/**
 * Kills a program and waits until it runs again, and does so anew if it was back before any customer had met its absence.
 * Answers how often it was killed since `mark`.
 */
async function killUntilNoticed({ program: name, unseen }: Outage, mark: string): Promise<number> {
  for (let kills = 1; kills <= 5; kills += 1) {
    await killAndReturn(scenario, programNamed(name));
    if (unseen || (await customers.since(mark)).requests.failed > 0) return kills;
  }
  throw new Error(`${name} died five times, and no customer noticed`);
}

/** Seconds from `since` until a moment after which a hundred requests in a row went well. */
async function healedAfter(since: number): Promise<string> {
  return scenario.until('a hundred requests in a row without a failure', async () => {
    const from = ((performance.now() - since) / 1000).toFixed(1);
    const mark = await customers.mark();
    const seen = await scenario.until('a hundred more requests', async () => {
      const now = await customers.since(mark);
      return now.requests.failed > 0 || now.requests.total >= 100 ? now : null;
    });
    return seen.requests.failed === 0 ? from : null;
  });
}

/** A customer with three mugs in the cart. */
async function cartWithMugs() {
  const address = pageAddress(scenario.stage);
  const added = await fetch(`${address}/cart`, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ product_id: '6E92ZMYYFZ', quantity: '3' }),
  });
  expect(added.status).toBe(303);
  const cookie = added.headers
    .getSetCookie()
    .map((it) => it.split(';')[0])
    .join('; ');
  const shown = async () => {
    const page = await fetch(`${address}/cart`, { headers: { cookie } });
    const html = await page.text();
    return {
      status: page.status,
      lacks: page.headers.get('x-shop-degraded'),
      mugs: />Mug<\/a>\s*<span class="line-quantity">3 /.test(html),
    };
  };
  return { filled: { status: 200, lacks: null, mugs: true }, shown };
}

function summary(
  byRoute: Readonly<Record<string, { readonly failuresByKind: Readonly<Record<string, number>> }>>,
) {
  return Object.entries(byRoute)
    .flatMap(([route, { failuresByKind }]) =>
      Object.entries(failuresByKind).map(([kind, count]) => `${route} ${kind} ${count}`),
    )
    .join(', ');
}
