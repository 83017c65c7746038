import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readAccess } from './kubeconfig.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'meshlift-test-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

interface Parts {
  readonly user?: Record<string, unknown>;
  readonly cluster?: Record<string, unknown>;
  readonly context?: string;
}

async function kubeconfig(
  name: string,
  { user = {}, cluster = {}, context = 'here' }: Parts = {},
): Promise<string> {
  const file = path.join(folder, name);
  const config = {
    clusters: [{ name: 'c', cluster: { server: 'https://10.0.0.1:6443', ...cluster } }],
    contexts: [{ name: context, context: { cluster: 'c', user: 'u' } }],
    users: [{ name: 'u', user }],
  };
  await writeFile(file, JSON.stringify(config));
  return file;
}

describe('the files', () => {
  it('are those of KUBECONFIG, and the first that has a name wins', async () => {
    const first = await kubeconfig('first', { context: 'a', cluster: { server: 'https://first' } });
    const second = await kubeconfig('second', { context: 'b', cluster: { server: 'https://second' } });
    const env = { KUBECONFIG: [first, path.join(folder, 'missing'), second].join(path.delimiter) };
    expect((await readAccess('b', undefined, env)).server.href).toBe('https://first/');
    await expect(readAccess('c', undefined, env)).rejects.toMatchObject({
      next: 'use one of the contexts there are: a, b',
    });
  });

  it('are ~/.kube/config without it, and it need not be there', async () => {
    await expect(readAccess('a', undefined, { HOME: folder })).rejects.toMatchObject({
      code: 'missing-context',
      next: expect.stringContaining('--kubeconfig'),
    });
  });

  it('may name files relative to themselves', async () => {
    await writeFile(path.join(folder, 'ca.pem'), 'the CA');
    const file = await kubeconfig('config', {
      cluster: { 'certificate-authority': 'ca.pem', 'tls-server-name': 'api' },
    });
    const access = await readAccess('here', file);
    expect(access.ca?.toString()).toBe('the CA');
    expect(access.serverName).toBe('api');
  });

  it('are refused with their name when they are broken', async () => {
    const file = path.join(folder, 'config');
    await writeFile(file, 'contexts: [');
    await expect(readAccess('a', file)).rejects.toMatchObject({
      code: 'missing-context',
      why: expect.stringContaining(file),
    });
    const badServer = await kubeconfig('bad', { cluster: { server: 'not a url' } });
    await expect(readAccess('here', badServer)).rejects.toMatchObject({
      why: expect.stringContaining('not a url'),
    });
  });
});

describe('the credential', () => {
  it.each([
    ['a token', { token: 't' }, { Authorization: 'Bearer t' }],
    ['a name and password', { username: 'a', password: 'b' }, { Authorization: 'Basic YTpi' }],
    ['nothing, as somebody else', { as: 'eve' }, { 'Impersonate-User': 'eve' }],
  ])('may be %s', async (_name, user, headers) => {
    const access = await readAccess('here', await kubeconfig('config', { user }));
    expect(await access.credential()).toEqual({ headers });
  });

  it('may be a certificate', async () => {
    const user = { 'client-certificate-data': 'Y2VydA==', 'client-key-data': 'a2V5' };
    const credential = await (await readAccess('here', await kubeconfig('config', { user }))).credential();
    expect([String(credential.cert), String(credential.key)]).toEqual(['cert', 'key']);
  });

  it('may be a token file, read anew each time', async () => {
    const token = path.join(folder, 'token');
    await writeFile(token, 'one\n');
    const access = await readAccess('here', await kubeconfig('config', { user: { tokenFile: token } }));
    expect((await access.credential()).headers).toEqual({ Authorization: 'Bearer one' });
    await writeFile(token, 'two\n');
    expect((await access.credential()).headers).toEqual({ Authorization: 'Bearer two' });
  });
});

describe('a credential plugin', () => {
  async function plugin(script: string, more: Record<string, unknown> = {}) {
    const file = path.join(folder, 'plugin');
    await writeFile(file, `#!/bin/sh\necho asked >> ${folder}/asked\n${script}\n`);
    await chmod(file, 0o755);
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: './plugin', ...more };
    return readAccess('here', await kubeconfig('config', { user: { exec } }));
  }

  async function timesAsked(): Promise<number> {
    const { readFile } = await import('node:fs/promises');
    return (await readFile(path.join(folder, 'asked'), 'utf8')).trim().split('\n').length;
  }

  const gives = (status: string) => `echo '{"kind":"ExecCredential","status":${status}}'`;

  it('is asked once while its token is good, and again when that was turned down', async () => {
    const access = await plugin(gives('{"token":"t","expirationTimestamp":"2999-01-01T00:00:00Z"}'));
    expect((await access.credential()).headers).toEqual({ Authorization: 'Bearer t' });
    await access.credential();
    expect(await timesAsked()).toBe(1);
    await access.credential(true);
    expect(await timesAsked()).toBe(2);
  });

  it('is asked again when its token has expired', async () => {
    const access = await plugin(gives('{"token":"t","expirationTimestamp":"2000-01-01T00:00:00Z"}'));
    await access.credential();
    await access.credential();
    expect(await timesAsked()).toBe(2);
  });

  it('gets its environment, and what is asked of it', async () => {
    const script =
      'case "$KUBERNETES_EXEC_INFO" in *client.authentication.k8s.io/v1*) ;; *) exit 9 ;; esac\necho "{\\"status\\":{\\"token\\":\\"$WHO\\"}}"';
    const access = await plugin(script, { env: [{ name: 'WHO', value: 'me' }] });
    expect((await access.credential()).headers).toEqual({ Authorization: 'Bearer me' });
  });

  it('is quoted when it fails, and may succeed the next time', async () => {
    const access = await plugin(
      `[ -e ${folder}/again ] || { touch ${folder}/again; echo 'please log in' >&2; exit 1; }\n${gives('{"token":"t"}')}`,
    );
    await expect(access.credential()).rejects.toMatchObject({
      code: 'cluster-forbidden',
      where: 'context here',
      why: 'its credential plugin ./plugin gave no credential: please log in',
    });
    expect((await access.credential()).headers).toEqual({ Authorization: 'Bearer t' });
  });

  it('that is not installed is told with its own hint', async () => {
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'no-such-plugin',
      installHint: 'install it',
    };
    const access = await readAccess('here', await kubeconfig('config', { user: { exec } }));
    await expect(access.credential()).rejects.toMatchObject({
      code: 'cluster-forbidden',
      next: 'install it',
    });
  });
});
