import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { CertificateAuthority } from '../cluster/certificate-authority.ts';
import { ApiClient, ApiError } from './api-client.ts';

const authority = await CertificateAuthority.root({ commonName: 'test' });
const serving = await authority.serving({ commonName: 'api' }, { ips: ['127.0.0.1'] });
const client = await authority.client({ commonName: 'user' });
const open: Server[] = [];

afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

/** An API server that answers each request, in order, from a script; the last answer stays. */
async function serve(answers: ((path: string) => { status: number; body: unknown })[]) {
  const requests: string[] = [];
  const server = createServer(serving, (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    const { status, body } = answer?.(request.url ?? '') ?? { status: 500, body: {} };
    request.resume();
    response.writeHead(status).end(JSON.stringify(body));
  });
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const api = new ApiClient({
    server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ca: authority.pem.cert,
    ...client,
  });
  return { api, requests };
}

const discovery = { resources: [{ name: 'services', kind: 'Service', namespaced: true }] };
const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a', namespace: 'b' } };

test('an object goes to the path that its group tells, and the group is asked only once', async () => {
  const { api, requests } = await serve([
    (path) => ({ status: 200, body: path === '/api/v1' ? discovery : {} }),
  ]);
  await api.apply(service);
  await api.apply(service);
  const patch = 'PATCH /api/v1/namespaces/b/services/a?fieldManager=meshlift-lab&force=true';
  expect(requests).toEqual(['GET /api/v1', patch, patch]);
  api.close();
});

test('a server that is too busy is asked again', async () => {
  const { api, requests } = await serve([
    () => ({ status: 200, body: discovery }),
    () => ({ status: 429, body: { message: 'too many requests' } }),
    () => ({ status: 200, body: {} }),
  ]);
  await api.apply(service);
  expect(requests.filter((request) => request.startsWith('PATCH'))).toHaveLength(2);
  api.close();
});

test("a refusal is not repeated, and carries the server's own sentence", async () => {
  const { api, requests } = await serve([
    () => ({ status: 200, body: discovery }),
    () => ({ status: 403, body: { message: 'user "user" cannot patch services' } }),
  ]);
  const failure = await api.apply(service).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ApiError);
  expect((failure as ApiError).message).toContain('user "user" cannot patch services (HTTP 403)');
  expect(requests).toHaveLength(2);
  api.close();
});

test('a kind that is not served yet is looked for again', async () => {
  const { api } = await serve([
    () => ({ status: 404, body: {} }),
    () => ({ status: 200, body: { resources: [] } }),
    () => ({ status: 200, body: discovery }),
  ]);
  expect(await api.serves('v1', 'Service')).toBe(false);
  expect(await api.serves('v1', 'Service')).toBe(false);
  expect(await api.serves('v1', 'Service')).toBe(true);
  api.close();
});
