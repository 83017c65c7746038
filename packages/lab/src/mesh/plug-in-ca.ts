import { CertificateAuthority } from '../cluster/certificate-authority.ts';
import type { KubeObject } from '../kube/api-client.ts';

/** The namespace that holds every control plane of the mesh. */
export const ISTIO_NAMESPACE = 'istio-system';

/**
 * One root for the mesh, made for this lab, whose key is thrown away once every cluster has its
 * intermediate: workloads of all clusters trust one another, and no cluster can sign for another.
 */
export async function makeMeshCas(clusters: readonly string[]): Promise<Map<string, KubeObject>> {
  const root = await CertificateAuthority.root({ commonName: 'Root CA', organizations: ['Istio'] });
  return new Map(
    await Promise.all(
      clusters.map(async (cluster): Promise<[string, KubeObject]> => {
        const intermediate = await root.intermediate(
          { commonName: `Intermediate CA ${cluster}`, organizations: ['Istio'] },
          [`spiffe://cluster.local/ns/${ISTIO_NAMESPACE}/sa/citadel`],
        );
        return [cluster, cacerts(intermediate.pem, root.pem.cert)];
      }),
    ),
  );
}

/** The Secret in which istiod looks for a certificate authority that is not its own. */
function cacerts(intermediate: { cert: string; key: string }, rootCert: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'cacerts', namespace: ISTIO_NAMESPACE },
    stringData: {
      'ca-cert.pem': intermediate.cert,
      'ca-key.pem': intermediate.key,
      'root-cert.pem': rootCert,
      'cert-chain.pem': `${intermediate.cert}${rootCert}`,
    },
  };
}
