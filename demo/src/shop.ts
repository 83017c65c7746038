import { setTimeout as delay } from 'node:timers/promises';
import type { Stage } from './stage.ts';

export interface Page {
  readonly status: number;
  /** the side that the page says its catalog came from; null when the page has none */
  readonly servedBy: string | null;
  readonly products: number;
}

/** Opens the shop's home page the way a browser does, through the ingress gateway. */
export async function openHome(stage: Stage): Promise<Page> {
  const response = await fetch(`${pageAddress(stage)}/`, {
    signal: AbortSignal.any([stage.signal, AbortSignal.timeout(10_000)]),
  });
  const html = await response.text();
  return {
    status: response.status,
    servedBy: /data-served-by-side="([^"]+)"/.exec(html)?.[1] ?? null,
    products: new Set(html.match(/href="\/product\/[^"#?]+/g) ?? []).size,
  };
}

export function pageAddress(stage: Stage): string {
  const home = stage.lab.clusters.find((it) => it.name === 'cluster2');
  if (!home) throw new TypeError('the shop’s page is in cluster2, and this lab has none');
  return home.gateways.ingress.http;
}

/** Looks at the home page until it is what is wanted; the last page is in the error. */
export async function untilHome(stage: Stage, what: string, wanted: (page: Page) => boolean): Promise<Page> {
  const deadline = Date.now() + 60_000;
  let last = 'no answer';
  while (Date.now() < deadline) {
    try {
      const page = await openHome(stage);
      if (wanted(page)) return page;
      last = JSON.stringify(page);
    } catch (error) {
      stage.signal.throwIfAborted();
      last =
        error instanceof Error ? `${error.message}${error.cause ? `: ${error.cause}` : ''}` : String(error);
    }
    await delay(250, undefined, { signal: stage.signal });
  }
  throw new Error(`${what} was not seen within 60 s; the page was: ${last}`);
}

/** The load generator's own count: every request of its customers, and every failure. */
export interface CustomerCount {
  readonly requests: { readonly total: number; readonly failed: number };
  readonly failuresByKind: Readonly<Record<string, number>>;
  readonly byRoute?: Readonly<Record<string, { readonly total: number; readonly failed: number }>>;
  readonly catalogCalls?: {
    readonly total: number;
    readonly failed: number;
    readonly bySide?: Readonly<Record<string, number>>;
    /** by the caller's cluster, then by the side that answered, or `failed` */
    readonly byCluster?: Readonly<Record<string, Readonly<Record<string, number>>>>;
    /** by the caller's cluster and the side: when such a call last reached that side */
    readonly lastAt?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  };
}

export async function customerCount(stage: Stage): Promise<CustomerCount> {
  const pods = await stage.kubectl('cluster2', ['get', 'pods', '-l', 'app=loadgenerator', '-o', 'name']);
  const pod = pods.trim().split('\n')[0]?.replace('pod/', '');
  const stats = await stage.kubectl('cluster2', [
    'get',
    '--raw',
    `/api/v1/namespaces/default/pods/${pod}:8089/proxy/stats`,
  ]);
  return JSON.parse(stats) as CustomerCount;
}
