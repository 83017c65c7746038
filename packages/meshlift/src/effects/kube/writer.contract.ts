import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MeshliftError } from '../../errors/error.ts';
import type { KubeObject, KubeWriter } from './port.ts';

/**
 * What every KubeWriter promises, run against the one in memory and, where a cluster is at hand, against a real one:
 * so that what is tested with the first holds with the second. Needs the namespace `default`; leaves nothing in it.
 */
export function describeKubeWriter(name: string, open: () => Promise<KubeWriter>): void {
  describe(`${name} as a KubeWriter`, () => {
    let kube: KubeWriter;
    const ref = { apiVersion: 'v1', kind: 'Service', namespace: 'default', name: 'meshlift-contract' };
    const other = { ...ref, kind: 'ConfigMap' };

    function service(
      spec: Record<string, unknown>,
      labels: Record<string, string> = { test: 'contract' },
    ): KubeObject {
      const { apiVersion, kind, ...at } = ref;
      return { apiVersion, kind, metadata: { ...at, labels }, spec: { clusterIP: 'None', ...spec } };
    }

    beforeEach(async () => {
      kube = await open();
      await kube.delete(ref);
      await kube.delete(other);
    });

    afterEach(async () => {
      await kube.delete(ref);
      await kube.delete(other);
    });

    it('stores what was applied, and finds it again', async () => {
      expect(await kube.get(ref)).toBeNull();
      const stored = await kube.apply(service({ selector: { app: 'a' } }));
      expect(stored.metadata.uid).toBeTruthy();
      expect(await kube.get(ref)).toMatchObject({ spec: { selector: { app: 'a' } } });
    });

    it('leaves the resourceVersion as it was when nothing changes', async () => {
      const first = await kube.apply(service({ selector: { app: 'a' } }));
      const again = await kube.apply(service({ selector: { app: 'a' } }));
      expect(again.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
      const changed = await kube.apply(service({ selector: { app: 'b' } }));
      expect(changed.metadata.resourceVersion).not.toBe(first.metadata.resourceVersion);
    });

    it('takes away what is applied no more, and leaves what others wrote', async () => {
      const first = await kube.apply(service({ selector: { app: 'a', tier: 'x' } }, { mine: '1' }));
      const labels = { ...first.metadata.labels, theirs: '1' };
      await kube.replace({ ...first, metadata: { ...first.metadata, labels } });
      const second = await kube.apply(service({ selector: { app: 'a' } }, {}));
      expect(second.metadata.labels).toEqual({ theirs: '1' });
      expect(second.spec).toMatchObject({ selector: { app: 'a' } });
      expect((second.spec as { selector: object }).selector).not.toHaveProperty('tier');
    });

    it('makes an object only where there is none, and owns what it made as if it had been applied', async () => {
      const made = service({ selector: { app: 'a', tier: 'x' } });
      await kube.apply(made, { mustNotExist: true });
      const failure = await kube.apply(made, { mustNotExist: true }).catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: 'cluster-conflict' });
      const next = await kube.apply(service({ selector: { app: 'a' } }));
      expect((next.spec as { selector: object }).selector).toEqual({ app: 'a' });
    });

    it('makes nothing in place of an object that is gone', async () => {
      const first = await kube.apply(service({ selector: { app: 'a' } }));
      await kube.delete(ref);
      const { resourceVersion = '', uid = '' } = first.metadata;
      const failure = await kube
        .apply(service({ selector: { app: 'a' } }), { resourceVersion, uid })
        .catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: 'cluster-conflict' });
      expect(await kube.get(ref)).toBeNull();
    });

    it('refuses a write that was meant for another version', async () => {
      const first = await kube.apply(service({ selector: { app: 'a' } }));
      await kube.apply(service({ selector: { app: 'b' } }));
      const resourceVersion = String(first.metadata.resourceVersion);
      const stale = { resourceVersion };
      await expectConflict(kube.apply(service({ selector: { app: 'c' } }), stale));
      await expectConflict(kube.replace(first));
      await expectConflict(kube.delete(ref, stale));
      expect(await kube.get(ref)).toMatchObject({ spec: { selector: { app: 'b' } } });
    });

    it('takes a write that is meant for the version there is', async () => {
      const first = await kube.apply(service({ selector: { app: 'a' } }));
      const resourceVersion = String(first.metadata.resourceVersion);
      await kube.apply(service({ selector: { app: 'c' } }), { resourceVersion });
      expect(await kube.get(ref)).toMatchObject({ spec: { selector: { app: 'c' } } });
    });

    it('does not create what exists', async () => {
      await kube.create(service({}));
      await expectConflict(kube.create(service({})));
    });

    it('changes nothing in a dry run, and shows what it would do', async () => {
      await kube.apply(service({ selector: { app: 'a' } }));
      const shown = await kube.apply(service({ selector: { app: 'b' } }), { dryRun: true });
      expect(shown).toMatchObject({ spec: { selector: { app: 'b' } } });
      expect(await kube.delete(ref, { dryRun: true })).toBe(true);
      expect(await kube.get(ref)).toMatchObject({ spec: { selector: { app: 'a' } } });
    });

    it('tells whether there was something to delete', async () => {
      await kube.apply(service({}));
      expect(await kube.delete(ref)).toBe(true);
      expect(await kube.delete(ref)).toBe(false);
    });

    it('lists by label and by field', async () => {
      await kube.apply(service({}, { test: 'contract', side: 'vm' }));
      const names = async (labelSelector: string) =>
        (await kube.list({ ...ref, labelSelector })).map(({ metadata }) => metadata.name);
      expect(await names('test=contract,side in (vm,k8s)')).toEqual(['meshlift-contract']);
      expect(await names('test=contract,side!=vm')).toEqual([]);
      expect(await names('test=contract,!side')).toEqual([]);
      const byField = await kube.list({ ...ref, fieldSelector: 'metadata.name=meshlift-contract' });
      expect(byField).toHaveLength(1);
    });

    it('keeps the status apart from what is applied', async () => {
      await kube.apply(
        service({ type: 'LoadBalancer', clusterIP: undefined, ports: [{ port: 1, protocol: 'TCP' }] }),
      );
      const status = { loadBalancer: { ingress: [{ ip: '192.0.2.1', ipMode: 'VIP' }] } };
      await kube.applyStatus({ ...service({}), status });
      const after = await kube.apply({
        ...service({ type: 'LoadBalancer', clusterIP: undefined, ports: [{ port: 1, protocol: 'TCP' }] }),
        status: {},
      });
      expect(after.status).toMatchObject(status);
    });

    it('refuses a namespace that is not there', async () => {
      const lost = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'x', namespace: 'nowhere-at-all' },
      };
      await expect(kube.apply(lost)).rejects.toMatchObject({ code: 'cluster-refused' });
    });
  });
}

async function expectConflict(writing: Promise<unknown>): Promise<void> {
  const error: unknown = await writing.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(MeshliftError);
  expect((error as MeshliftError).code).toBe('cluster-conflict');
}
