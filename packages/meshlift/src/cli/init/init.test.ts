import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { FakeCluster } from '../../effects/kube/fake.ts';
import { isMeshliftError } from '../../errors/error.ts';
import { parseMigration } from '../../spec/migration.ts';
import { settleAnswers } from './answers.ts';
import type { Asker } from './ask.ts';
import { discoverCluster } from './discover.ts';
import { firstFile } from './first-file.ts';

const signal = new AbortController().signal;

function cluster(name: string, withIstio = true): FakeCluster {
  const service = (namespace: string, it: string, port: object) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: it, namespace },
    spec: { clusterIP: '10.0.0.9', ports: [port] },
  });
  return new FakeCluster(name, [
    service('shop', 'catalog', { port: 3550, name: 'grpc-api' }),
    service('kube-system', 'dns', { port: 53, name: 'dns' }),
    ...(withIstio
      ? [
          {
            apiVersion: 'v1',
            kind: 'Pod',
            metadata: { name: 'istiod-1', namespace: 'istio-system', labels: { app: 'istiod' } },
          },
        ]
      : []),
  ]);
}

/** Nobody is there: what is proposed is taken. */
const nobody: Asker = { ask: async (_, proposed) => proposed, close: () => undefined };

async function found() {
  return Promise.all([
    discoverCluster('gke_shop_east', cluster('east'), 'istio-system', signal),
    discoverCluster('gke_shop_west', cluster('west'), 'istio-system', signal),
    discoverCluster('bare', cluster('bare', false), 'istio-system', signal),
  ]);
}

describe('init', () => {
  it('finds the service, its port and its protocol, and the clusters of the mesh that have it', async () => {
    const answers = await settleAnswers(
      { vmHost: '10.0.0.5', manifest: ['catalog.yaml'] },
      await found(),
      nobody,
      'ana',
    );
    expect(answers).toEqual({
      service: { namespace: 'shop', name: 'catalog', port: 3550, protocol: 'grpc' },
      contexts: ['gke_shop_east', 'gke_shop_west'],
      home: 'gke_shop_east',
      target: 'gke_shop_west',
      vmHost: '10.0.0.5',
      sshUser: 'ana',
      manifests: ['catalog.yaml'],
    });
  });

  it('names everything that is missing at once where nobody can be asked', async () => {
    const error = await settleAnswers({}, await found(), nobody, 'ana').catch((it: unknown) => it);
    expect(isMeshliftError(error, 'bad-usage') && error.why).toBe(
      'not known, and there is no terminal to ask: --vm-host, --manifest',
    );
  });

  it('asks with what it found as a proposal, and takes the answer', async () => {
    const asked: (readonly [string, string | null])[] = [];
    const person: Asker = {
      ask: async (question, proposed) => {
        asked.push([question, proposed]);
        if (question.startsWith('address')) return '10.0.0.7';
        return question.startsWith('manifests') ? 'a.yaml, b.yaml' : proposed;
      },
      close: () => undefined,
    };
    const answers = await settleAnswers({ port: '3550' }, await found(), person, 'ana');
    expect(answers.manifests).toEqual(['a.yaml', 'b.yaml']);
    expect(asked).toContainEqual(['service that runs on the VM, as NAMESPACE/NAME', 'shop/catalog']);
    expect(asked.map(([question]) => question)).not.toContain('port that clients call');
  });

  it('writes a file that is valid, says what each key is for, and has the defaults as comments', async () => {
    const answers = await settleAnswers(
      { vmHost: '10.0.0.5', sshUser: '1000', manifest: ['k8s/my catalog.yaml'] },
      await found(),
      nobody,
      'ana',
    );
    const text = firstFile(answers, new Map([['gke_shop_east', ['shop/frontend']]]));
    const parsed = parseMigration(parse(text));
    expect(parsed.ok ? [] : parsed.problems).toEqual([]);
    expect(parsed.ok && parsed.migration.spec.clusters).toMatchObject([
      { name: 'gke-shop-east', context: 'gke_shop_east', home: true, target: false },
      { name: 'gke-shop-west', context: 'gke_shop_west', home: false, target: true },
    ]);
    expect(text).toContain('# callers seen: shop/frontend');
    expect(text).toContain('    gate: # what callers must see');
    expect(text).toMatch(/^# {7}minRequests: 200 # /m);
  });

  it('writes defaults that are those of the schema: the comments, taken as values, change nothing', async () => {
    const answers = await settleAnswers(
      { vmHost: '10.0.0.5', manifest: ['catalog.yaml'] },
      await found(),
      nobody,
      'ana',
    );
    const text = firstFile(answers, new Map());
    const live = text.replaceAll(/^# (?= )/gm, '').replaceAll(/^ {2}# (topology)/gm, '  $1');
    const [asWritten, uncommented] = [text, live].map((it) => parseMigration(parse(it)));
    expect(uncommented).toEqual(asWritten);
    expect(live).not.toBe(text);
  });
});
