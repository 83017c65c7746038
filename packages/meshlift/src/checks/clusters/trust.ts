import { X509Certificate } from 'node:crypto';
import type { MemberCluster } from '../../engine/context.ts';
import { MeshliftError } from '../../errors/error.ts';
import type { Finding } from '../check.ts';
import { inEveryMember } from '../in-every-member.ts';
import { trustDomainOf } from '../mesh-config.ts';
import type { Scene } from '../scene.ts';

/** SHA-256 of samples/certs/root-cert.pem of Istio, the same since 1.3: its private key is published beside it. */
const sampleRoot =
  '63:72:7A:17:85:CA:B4:7A:CE:C5:C2:4C:C0:66:9C:20:82:4E:8A:E1:AC:28:07:9A:4D:2F:8C:83:05:92:E7:B0';
const monthMs = 30 * 24 * 3_600_000;
const rootCertMap = 'istio-ca-root-cert';

export function differentRoots(scene: Scene): Promise<readonly Finding[]> {
  return differing(scene, {
    read: async (member) => (await rootsOf(scene, member)).map((it) => it.fingerprint256).join(' '),
    why: (one, other) => `${one} and ${other} trust different roots, so mTLS between them can't work`,
    next: 'give both istiods intermediates of one root (Secret cacerts): istio.io, Plug in CA Certificates',
  });
}

export function differentTrustDomains(scene: Scene): Promise<readonly Finding[]> {
  return differing(scene, {
    read: (member) => trustDomainOf(scene, member),
    why: (one, other, [first, second]) =>
      `${one} has the trust domain ${first}, and ${other} ${second}: an identity of one is a stranger's in the other`,
    next: 'give both the same meshConfig.trustDomain, and restart istiod and the workloads',
  });
}

export function sampleRoots(scene: Scene): Promise<readonly Finding[]> {
  return inEveryMember(scene.members, async (member) => {
    const roots = await rootsOf(scene, member);
    if (!roots.some(({ fingerprint256 }) => fingerprint256 === sampleRoot)) return null;
    return {
      why: `${member.name} trusts the root of Istio's samples (samples/certs), whose private key is public: anyone can make a certificate for any service`,
      next: 'make a root of your own and plug it in: istio.io, Plug in CA Certificates',
    };
  });
}

export function endingRoots(scene: Scene): Promise<readonly Finding[]> {
  return inEveryMember(scene.members, async (member) => {
    const roots = await rootsOf(scene, member);
    // While roots change there are two for a time; the one that stays longest carries the mesh.
    const end = Math.max(...roots.map(({ validToDate }) => validToDate.getTime()));
    if (end - scene.clock.now() >= monthMs) return null;
    return {
      why: `the root that ${member.name} trusts ends at ${new Date(end).toISOString()}`,
      next: 'change the root before the migration, not in its middle: istio.io, Plug in CA Certificates',
    };
  });
}

async function rootsOf({ migration, signal }: Scene, { kube, name, member }: MemberCluster) {
  const { namespace } = migration.metadata;
  const object = await kube.get(
    { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: rootCertMap },
    signal,
  );
  const pem = (object?.data as Record<string, string> | undefined)?.['root-cert.pem'] ?? '';
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  if (certificates.length > 0) return certificates.map((it) => new X509Certificate(it));
  throw new MeshliftError('cluster-refused', {
    where: `ConfigMap ${namespace}/${rootCertMap} in ${name}`,
    why: object ? 'it holds no certificate' : 'it is not there, though istiod makes it in every namespace',
    next: `is namespace ${namespace} there, and does istiod run? kubectl --context ${member.context} get namespace ${namespace}`,
  });
}

/** Compares one value over all members: the first in the migration's order with each that differs from it. */
async function differing(
  scene: Scene,
  {
    read,
    why,
    next,
  }: {
    readonly read: (member: MemberCluster) => Promise<string>;
    readonly why: (one: string, other: string, values: readonly [string, string]) => string;
    readonly next: string;
  },
): Promise<readonly Finding[]> {
  const values = new Map<string, string>();
  const untold = await inEveryMember(scene.members, async (member) => {
    values.set(member.name, await read(member));
    return null;
  });
  const [first, ...others] = [...values];
  const different = others.filter(([, value]) => value !== first?.[1]);
  return [
    ...different.map(([name, value]) => ({
      why: why(first?.[0] ?? '', name, [first?.[1] ?? '', value]),
      next,
    })),
    ...untold,
  ];
}
