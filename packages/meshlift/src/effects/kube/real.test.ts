import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { type OpenCluster, openCluster } from './real.ts';

/** What the server was asked, and how it answers: by method and path, without the query. */
interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly body: string;
  readonly headers: http.IncomingHttpHeaders;
}

type Answer = (asked: Asked, response: http.ServerResponse) => void;

let server: http.Server;
let folder: string;
let kubeconfig: string;
let asked: Asked[];
let answers: Map<string, Answer>;
let clusters: OpenCluster[];

const virtualService = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name: 'catalog', namespace: 'default' },
  spec: { hosts: ['catalog'] },
};

beforeEach(async () => {
  asked = [];
  clusters = [];
  answers = new Map([
    [
      'GET /api/v1',
      json({
        resources: [
          { name: 'pods', kind: 'Pod', namespaced: true },
          { name: 'pods/log', kind: 'Pod', namespaced: true },
          { name: 'nodes', kind: 'Node', namespaced: false },
        ],
      }),
    ],
    [
      'GET /apis/networking.istio.io/v1',
      json({ resources: [{ name: 'virtualservices', kind: 'VirtualService', namespaced: true }] }),
    ],
  ]);
  server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://server');
      const one = {
        method: request.method ?? '',
        url,
        body: Buffer.concat(chunks).toString(),
        headers: request.headers,
      };
      asked.push(one);
      const answer = answers.get(`${one.method} ${url.pathname}`) ?? status(404, 'NotFound', 'not here');
      answer(one, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  folder = await mkdtemp(path.join(tmpdir(), 'meshlift-test-'));
  kubeconfig = path.join(folder, 'config');
  await writeKubeconfig(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

afterEach(async () => {
  for (const cluster of clusters) cluster.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

async function writeKubeconfig(address: string): Promise<void> {
  const config = {
    clusters: [{ name: 'here', cluster: { server: address } }],
    contexts: [
      { name: 'first', context: { cluster: 'here', user: 'me' } },
      { name: 'second', context: { cluster: 'here', user: 'me' } },
    ],
    users: [{ name: 'me', user: { token: 'let-me-in' } }],
  };
  await writeFile(kubeconfig, JSON.stringify(config));
}

async function open(timeoutMs = 2_000): Promise<OpenCluster> {
  const cluster = await openCluster({
    name: 'cluster1',
    context: 'first',
    kubeconfigPath: kubeconfig,
    timeoutMs,
  });
  clusters.push(cluster);
  return cluster;
}

function json(body: unknown, code = 200): Answer {
  return (_asked, response) => {
    response.writeHead(code, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  };
}

function status(code: number, reason: string, message: string): Answer {
  return json({ kind: 'Status', reason, message }, code);
}

const listPods = { apiVersion: 'v1', kind: 'Pod' };

describe('opening a cluster', () => {
  it('lists the contexts that there are when the one named is missing', async () => {
    const opening = openCluster({ name: 'cluster1', context: 'third', kubeconfigPath: kubeconfig });
    await expect(opening).rejects.toMatchObject({
      code: 'missing-context',
      where: 'context third',
      next: 'use one of the contexts there are: first, second',
    });
  });

  it('says that the kubeconfig cannot be read', async () => {
    const opening = openCluster({ name: 'cluster1', context: 'first', kubeconfigPath: '/nowhere/config' });
    await expect(opening).rejects.toMatchObject({
      code: 'missing-context',
      why: expect.stringContaining('/nowhere/config'),
    });
  });

  it('finds a server behind a gateway, under a path of its own', async () => {
    const { port } = server.address() as AddressInfo;
    await writeKubeconfig(`http://127.0.0.1:${port}/k8s/clusters/c-1/`);
    answers.set('GET /k8s/clusters/c-1/version', json({ gitVersion: 'v1.36.3' }));
    expect(await (await open()).version()).toBe('v1.36.3');
  });

  it('sends the credentials of the context', async () => {
    answers.set('GET /version', json({ gitVersion: 'v1.36.3' }));
    expect(await (await open()).version()).toBe('v1.36.3');
    expect(asked[0]?.headers.authorization).toBe('Bearer let-me-in');
  });
});

describe('reading', () => {
  it('finds nothing where there is no such object, and none of a kind that is not installed', async () => {
    const cluster = await open();
    expect(await cluster.get({ ...listPods, namespace: 'default', name: 'gone' })).toBeNull();
    expect(await cluster.get({ apiVersion: 'nobody.dev/v1', kind: 'Thing', name: 'x' })).toBeNull();
    expect(await cluster.list({ apiVersion: 'nobody.dev/v1', kind: 'Thing' })).toEqual([]);
    expect(await cluster.serves('nobody.dev/v1', 'Thing')).toBe(false);
    expect(await cluster.serves('v1', 'Pod')).toBe(true);
  });

  it('lists all pages, with selectors, and names the kind of each object', async () => {
    answers.set('GET /api/v1/namespaces/shop/pods', (one, response) => {
      const first = one.url.searchParams.get('continue') === null;
      const body = first
        ? { items: [{ metadata: { name: 'a' } }], metadata: { continue: 'more' } }
        : { items: [{ metadata: { name: 'b' } }], metadata: {} };
      json(body)(one, response);
    });
    const found = await (await open()).list({ ...listPods, namespace: 'shop', labelSelector: 'app=x' });
    expect(found).toEqual([
      { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } },
      { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'b' } },
    ]);
    expect(asked.at(-1)?.url.searchParams.get('labelSelector')).toBe('app=x');
  });

  it('begins anew when a list has grown too old to go on with', async () => {
    answers.set('GET /api/v1/pods', (one, response) => {
      const search = one.url.searchParams;
      if (search.has('continue')) status(410, 'Expired', 'too old')(one, response);
      else if (search.has('limit'))
        json({ items: [{ metadata: { name: 'a' } }], metadata: { continue: 'x' } })(one, response);
      else json({ items: [{ metadata: { name: 'a' } }, { metadata: { name: 'b' } }] })(one, response);
    });
    expect((await (await open()).list(listPods)).map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
  });

  it('lists nothing of a kind that was uninstalled meanwhile', async () => {
    const cluster = await open();
    expect(await cluster.serves('v1', 'Pod')).toBe(true);
    expect(await cluster.list(listPods)).toEqual([]);
  });

  it('asks what is served once, also when many ask at the same time', async () => {
    answers.set(
      'GET /apis/late.dev/v1',
      json({ resources: [{ name: 'things', kind: 'Thing', namespaced: true }] }),
    );
    answers.set('GET /apis/late.dev/v1/things', json({ items: [] }));
    const cluster = await open();
    const things = { apiVersion: 'late.dev/v1', kind: 'Thing' };
    await Promise.all(Array.from({ length: 10 }, () => cluster.list(things)));
    expect(asked.filter(({ url }) => url.pathname === '/apis/late.dev/v1')).toHaveLength(1);
  });

  it('does not ask whether Kubernetes serves pods, or Istio its routes', async () => {
    answers.set('GET /api/v1/pods', json({ items: [] }));
    const routes = '/apis/networking.istio.io/v1/virtualservices';
    answers.set(`GET ${routes}`, json({ items: [{ metadata: { name: 'catalog' } }] }));
    const cluster = await open();
    await cluster.list(listPods);
    expect(
      await cluster.list({ apiVersion: virtualService.apiVersion, kind: 'VirtualService' }),
    ).toHaveLength(1);
    expect(asked.map(({ url }) => url.pathname)).toEqual(['/api/v1/pods', routes]);
  });

  it('takes a well-known kind that is not served for one without objects', async () => {
    const cluster = await open();
    const rules = { apiVersion: 'networking.istio.io/v1', kind: 'DestinationRule', namespace: 'default' };
    expect(await cluster.list(rules)).toEqual([]);
    expect(await cluster.get({ ...rules, name: 'catalog' })).toBe(null);
    expect(await cluster.delete({ ...rules, name: 'catalog' })).toBe(false);
    expect(await cluster.serves(rules.apiVersion, rules.kind)).toBe(false);
    const rule = {
      apiVersion: rules.apiVersion,
      kind: rules.kind,
      metadata: { name: 'x', namespace: 'default' },
    };
    await expect(cluster.apply(rule)).rejects.toMatchObject({
      code: 'cluster-refused',
      why: expect.stringContaining('does not serve DestinationRule'),
    });
  });

  it('finds a kind that was installed meanwhile', async () => {
    const cluster = await open();
    expect(await cluster.serves('late.dev/v1', 'Thing')).toBe(false);
    answers.set(
      'GET /apis/late.dev/v1',
      json({ resources: [{ name: 'things', kind: 'Thing', namespaced: true }] }),
    );
    expect(await cluster.serves('late.dev/v1', 'Thing')).toBe(true);
  });
});

describe('what goes wrong', () => {
  it.each([
    [401, 'cluster-forbidden'],
    [403, 'cluster-forbidden'],
    [409, 'cluster-conflict'],
    [422, 'cluster-refused'],
    [500, 'cluster-refused'],
    [429, 'cluster-unreachable'],
    [503, 'cluster-unreachable'],
  ])('an answer %i is told as %s, with the reason that was given', async (code, told) => {
    answers.set('GET /api/v1/pods', status(code, 'Whatever', 'because of the weather'));
    await expect((await open()).list(listPods)).rejects.toMatchObject({
      code: told,
      where: 'list Pod in cluster1',
      why: expect.stringContaining('because of the weather'),
    });
  });

  it('a server that is not there is unreachable', async () => {
    await writeKubeconfig('http://127.0.0.1:1');
    await expect((await open()).version()).rejects.toMatchObject({
      code: 'cluster-unreachable',
      why: expect.stringMatching(/127\.0\.0\.1:1\/? does not answer: .*ECONNREFUSED/),
    });
  });

  it('a server that does not answer is given up after the time-out', async () => {
    answers.set('GET /version', () => {});
    await expect((await open(100)).version()).rejects.toMatchObject({
      code: 'cluster-unreachable',
      why: expect.stringContaining('no answer within 100 ms'),
    });
  });

  it('a body that breaks off is no answer', async () => {
    answers.set('GET /version', (_one, response) => {
      response.writeHead(200, { 'Content-Length': 1000 }).write('{"git');
      setTimeout(() => response.destroy(), 10);
    });
    await expect((await open()).version()).rejects.toMatchObject({ code: 'cluster-unreachable' });
  });

  it("gives up with the caller's reason when the signal aborts", async () => {
    answers.set('GET /version', () => {});
    const controller = new AbortController();
    const reading = (await open()).version(controller.signal);
    controller.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
  });

  it('a kept connection that the server has closed is not an error', async () => {
    answers.set('GET /version', json({ gitVersion: 'v1' }));
    const cluster = await open();
    await cluster.version();
    let broken = false;
    answers.set('GET /version', (one, response) => {
      if (!broken) {
        broken = true;
        response.socket?.resetAndDestroy();
      } else json({ gitVersion: 'v2' })(one, response);
    });
    expect(await cluster.version()).toBe('v2');
  });
});

describe('writing', () => {
  const path = '/apis/networking.istio.io/v1/namespaces/default/virtualservices';

  it('applies in one round trip, as meshlift, taking over the fields', async () => {
    answers.set(
      `PATCH ${path}/catalog`,
      json({ ...virtualService, metadata: { ...virtualService.metadata, resourceVersion: '7' } }),
    );
    const cluster = await open();
    const stored = await cluster.apply(virtualService);
    expect(stored.metadata.resourceVersion).toBe('7');
    asked = [];
    await cluster.apply(virtualService, { dryRun: true, resourceVersion: '7' });
    expect(asked).toHaveLength(1);
    expect(asked[0]?.headers['content-type']).toBe('application/apply-patch+yaml');
    expect(Object.fromEntries(asked[0]?.url.searchParams ?? [])).toEqual({
      fieldManager: 'meshlift',
      force: 'true',
      dryRun: 'All',
    });
    expect(JSON.parse(asked[0]?.body ?? '')).toMatchObject({
      metadata: { name: 'catalog', resourceVersion: '7' },
    });
  });

  it('owns what it made by a patch, and again when a controller wrote to it in between', async () => {
    const made = (resourceVersion: string) => ({
      ...virtualService,
      metadata: {
        ...virtualService.metadata,
        resourceVersion,
        managedFields: [
          { manager: 'meshlift-new', operation: 'Update', fieldsV1: {} },
          { manager: 'istiod', operation: 'Update' },
        ],
      },
    });
    answers.set(`POST ${path}`, json(made('1'), 201));
    answers.set(`GET ${path}/catalog`, json(made('2')));
    answers.set(`PATCH ${path}/catalog`, (one, response) => {
      const stale = JSON.parse(one.body)[1].value === '1';
      (stale ? status(409, 'Conflict', 'it has been modified') : json(made('3')))(one, response);
    });
    const stored = await (await open()).apply(virtualService, { mustNotExist: true });
    expect(stored.metadata.resourceVersion).toBe('3');
    const writes = asked.filter(({ method }) => method !== 'GET');
    expect(writes.map(({ method }) => method)).toEqual(['POST', 'PATCH', 'PATCH']);
    expect(writes.at(-1)?.headers['content-type']).toBe('application/json-patch+json');
    expect(JSON.parse(writes.at(-1)?.body ?? '')).toEqual([
      {
        op: 'replace',
        path: '/metadata/managedFields',
        value: [
          { manager: 'meshlift', operation: 'Apply', fieldsV1: {} },
          { manager: 'istiod', operation: 'Update' },
        ],
      },
      { op: 'replace', path: '/metadata/resourceVersion', value: '2' },
    ]);
  });

  it('refuses a kind that the cluster does not serve', async () => {
    const thing = { apiVersion: 'nobody.dev/v1', kind: 'Thing', metadata: { name: 'x' } };
    await expect((await open()).apply(thing)).rejects.toMatchObject({
      code: 'cluster-refused',
      why: expect.stringContaining('does not serve Thing'),
    });
  });

  it('tells whether there was something to delete', async () => {
    answers.set(`DELETE ${path}/catalog`, json({ kind: 'Status', status: 'Success' }));
    const cluster = await open();
    const ref = { apiVersion: virtualService.apiVersion, kind: 'VirtualService', namespace: 'default' };
    expect(await cluster.delete({ ...ref, name: 'catalog' }, { resourceVersion: '7' })).toBe(true);
    expect(JSON.parse(asked.at(-1)?.body ?? '')).toMatchObject({ preconditions: { resourceVersion: '7' } });
    expect(await cluster.delete({ ...ref, name: 'gone' })).toBe(false);
  });

  it('does not create twice when a kept connection breaks', async () => {
    answers.set('GET /version', json({ gitVersion: 'v1' }));
    answers.set(`POST ${path}`, (_one, response) => response.socket?.resetAndDestroy());
    const cluster = await open();
    await cluster.version();
    await expect(cluster.create(virtualService)).rejects.toMatchObject({ code: 'cluster-unreachable' });
    expect(asked.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });
});

describe("a pod's port", () => {
  const target = { namespace: 'shop', pod: 'frontend-1', port: 15020 };

  it('is read through the pod proxy', async () => {
    answers.set(
      'GET /api/v1/namespaces/shop/pods/frontend-1:15020/proxy/stats/prometheus',
      (_one, response) => response.end('up 1'),
    );
    expect(await (await open()).podGet(target, '/stats/prometheus')).toBe('up 1');
  });

  it("that does not answer is the pod's fault, not the cluster's", async () => {
    answers.set(
      'GET /api/v1/namespaces/shop/pods/frontend-1:15020/proxy/x',
      status(503, 'ServiceUnavailable', 'connection refused'),
    );
    await expect((await open()).podGet(target, '/x')).rejects.toMatchObject({
      code: 'cluster-refused',
      where: 'get /x of pod shop/frontend-1:15020 in cluster1',
      why: expect.stringContaining('connection refused'),
    });
  });
});

describe("a pod's loopback port, by port-forward", () => {
  const target = { namespace: 'istio-system', pod: 'istiod-1', port: 15014 };
  let tunnels: number;
  let reply: (
    send: (channel: number, data: Buffer | string) => void,
    request: string,
    close: () => void,
  ) => void;

  beforeEach(() => {
    tunnels = 0;
    reply = (send) => send(0, 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello');
    const sockets = new WebSocketServer({ noServer: true });
    server.on('upgrade', (request, socket, head) => {
      if (request.url !== '/api/v1/namespaces/istio-system/pods/istiod-1/portforward?ports=15014') {
        socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 21\r\n\r\n{"message":"no pod"}\r\n');
        return;
      }
      sockets.handleUpgrade(request, socket, head, (tunnel) => {
        tunnels += 1;
        const send = (channel: number, data: Buffer | string) =>
          tunnel.send(Buffer.concat([Buffer.of(channel), Buffer.from(data)]));
        const port = Buffer.alloc(2);
        port.writeUInt16LE(15014);
        send(0, port);
        send(1, port);
        tunnel.on('message', (frame: Buffer) =>
          reply(send, frame.subarray(1).toString(), () => tunnel.close()),
        );
      });
    });
  });

  it('answers one request after the other through the same tunnel', async () => {
    const requests: string[] = [];
    reply = (send, request) => {
      requests.push(request);
      send(0, 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel');
      send(0, 'lo');
    };
    const cluster = await open();
    expect(await cluster.forwardedGet(target, '/debug/syncz')).toBe('hello');
    expect(await cluster.forwardedGet(target, '/debug/syncz?x=1')).toBe('hello');
    expect(tunnels).toBe(1);
    expect(requests[0]).toMatch(/^GET \/debug\/syncz HTTP\/1\.1\r\n/);
    expect(requests[0]).toContain('Host: localhost:15014');
  });

  it('opens another tunnel when the kept one has died', async () => {
    const cluster = await open();
    await cluster.forwardedGet(target, '/');
    reply = (send, _request, close) => {
      if (tunnels === 1) close();
      else send(0, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    };
    expect(await cluster.forwardedGet(target, '/')).toBe('ok');
    expect(tunnels).toBe(2);
  });

  it('says so when nothing listens on the port', async () => {
    reply = (send) => send(1, 'error forwarding port 15014: connection refused');
    await expect((await open()).forwardedGet(target, '/')).rejects.toMatchObject({
      code: 'cluster-refused',
      where: 'get localhost:15014/ in pod istio-system/istiod-1 in cluster1',
      why: expect.stringContaining('connection refused'),
    });
  });

  it('says so when there is no such pod', async () => {
    await expect((await open()).forwardedGet({ ...target, pod: 'gone' }, '/')).rejects.toMatchObject({
      code: 'cluster-refused',
      why: expect.stringContaining('no pod'),
    });
  });

  it('refuses an answer that is not a success', async () => {
    reply = (send) => send(0, 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
    await expect((await open()).forwardedGet(target, '/x')).rejects.toMatchObject({
      code: 'cluster-refused',
      why: expect.stringContaining('404'),
    });
  });

  it('is unreachable when the tunnel breaks before the whole answer came', async () => {
    reply = (send, _request, close) => {
      send(0, 'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhel');
      close();
    };
    await expect((await open()).forwardedGet(target, '/')).rejects.toMatchObject({
      code: 'cluster-unreachable',
    });
  });

  it('tells of a call that no answer came in its time, however long other requests may take', async () => {
    reply = () => {};
    const call = { protocol: 'http', authority: 'web.default:80', path: '/', headers: {} } as const;
    expect(await (await open()).forwardedCall(target, call, 100)).toEqual({
      came: 'nothing',
      why: 'no answer within 100 ms',
    });
  });

  it('is given up after the time-out', async () => {
    reply = () => {};
    await expect((await open(100)).forwardedGet(target, '/')).rejects.toMatchObject({
      code: 'cluster-unreachable',
      why: expect.stringContaining('no answer within 100 ms'),
    });
  });
});
