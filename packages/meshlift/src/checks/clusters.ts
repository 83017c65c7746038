import type { Check } from './check.ts';
import { clockFinding } from './clusters/clock.ts';
import { istiodReadiness } from './clusters/istiod.ts';
import { missingRemoteSecrets, neighbours, remoteSecretsInTheWay } from './clusters/neighbours.ts';
import { missingRights } from './clusters/rights.ts';
import { differentRoots, differentTrustDomains, endingRoots, sampleRoots } from './clusters/trust.ts';
import { differentVersions, unsupportedVersions } from './clusters/versions.ts';
import { inEveryMember } from './in-every-member.ts';

export const clusterChecks: readonly Check[] = [
  {
    id: 'clusters-reachable',
    category: 'clusters',
    sentence: 'every member cluster answers',
    severity: 'fatal',
    look: (scene) =>
      inEveryMember(scene.members, async ({ kube }) => {
        await kube.version(scene.signal);
        return null;
      }),
  },
  {
    id: 'clusters-rights',
    category: 'clusters',
    sentence: 'the credentials may do all that a migration does, in every member cluster',
    severity: 'fatal',
    after: 'clusters-reachable',
    look: missingRights,
  },
  {
    id: 'clusters-clock',
    category: 'clusters',
    sentence: 'every member cluster’s clock agrees with this machine’s',
    severity: 'fatal',
    after: 'clusters-reachable',
    look: (scene) => inEveryMember(scene.members, (member) => clockFinding(scene, member)),
  },
  {
    id: 'clusters-istiod-ready',
    category: 'clusters',
    sentence: 'istiod is ready in every member cluster',
    severity: 'fatal',
    after: 'clusters-reachable',
    look: (scene) => inEveryMember(scene.members, (member) => istiodReadiness(scene, member)),
  },
  {
    id: 'clusters-istio-supported',
    category: 'clusters',
    sentence: 'every member cluster runs a release of Istio that Meshlift supports',
    severity: 'fatal',
    after: 'clusters-istiod-ready',
    look: unsupportedVersions,
  },
  {
    id: 'clusters-istio-same',
    category: 'clusters',
    sentence: 'every member cluster runs the same release of Istio',
    severity: 'warning',
    after: 'clusters-istiod-ready',
    look: differentVersions,
  },
  {
    id: 'clusters-one-root',
    category: 'clusters',
    sentence: 'every member cluster trusts the same root certificate',
    severity: 'fatal',
    after: 'clusters-reachable',
    look: differentRoots,
  },
  {
    id: 'clusters-own-root',
    category: 'clusters',
    sentence: 'the root certificate is not the one of Istio’s samples, whose key everyone has',
    severity: 'warning',
    after: 'clusters-one-root',
    look: sampleRoots,
  },
  {
    id: 'clusters-root-lasts',
    category: 'clusters',
    sentence: 'the root certificate is valid for another month at least',
    severity: 'warning',
    after: 'clusters-one-root',
    look: endingRoots,
  },
  {
    id: 'clusters-one-trust-domain',
    category: 'clusters',
    sentence: 'every member cluster has the same trust domain',
    severity: 'fatal',
    after: 'clusters-reachable',
    look: differentTrustDomains,
  },
  {
    id: 'clusters-joined-by-remote-secrets',
    category: 'clusters',
    sentence: 'every member cluster discovers the others’ endpoints',
    severity: 'fatal',
    after: 'clusters-istiod-ready',
    look: missingRemoteSecrets,
  },
  {
    id: 'clusters-apart-for-global-names',
    category: 'clusters',
    sentence: 'where names are global, no member cluster discovers another’s endpoints',
    severity: 'fatal',
    after: 'clusters-istiod-ready',
    look: remoteSecretsInTheWay,
  },
  {
    id: 'clusters-all-are-members',
    category: 'clusters',
    sentence: 'every cluster of the mesh is a member of the migration',
    severity: 'warning',
    after: 'clusters-istiod-ready',
    look: neighbours,
  },
];
