import type { MemberCluster } from '../../engine/context.ts';
import { isReady } from '../../mesh/pod-state.ts';
import type { Finding } from '../check.ts';
import { inEveryMember } from '../in-every-member.ts';
import type { Scene } from '../scene.ts';
import { istiodPods } from './istiod.ts';

/** The first release whose auto-registration, gRPC probes and `networking.istio.io/v1` all are as we use them. */
const oldest = [1, 24] as const;
const monitoringPort = 15_014;

export function unsupportedVersions(scene: Scene): Promise<readonly Finding[]> {
  return inEveryMember(scene.members, async (member) => {
    const version = await istioVersion(scene, member);
    const [major, minor] = numbersOf(version);
    if (major === undefined || minor === undefined) return unreadable(member, version);
    if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return null;
    return {
      why: `${member.name} runs Istio ${version}; the side hosts and the VM's registration need ${oldest.join('.')} or newer`,
      next: `update Istio in ${member.name} first: istio.io, Canary Upgrades`,
    };
  });
}

export async function differentVersions(scene: Scene): Promise<readonly Finding[]> {
  const versions = new Map<string, string>();
  const untold = await inEveryMember(scene.members, async (member) => {
    versions.set(member.name, await istioVersion(scene, member));
    return null;
  });
  if (untold.length > 0) return untold;
  const [first, ...others] = [...versions].map(([name, version]) => ({
    name,
    version,
    minor: minorOf(version),
  }));
  const other = others.find(({ minor }) => minor !== first?.minor);
  if (!first || !other) return [];
  return [
    {
      why: `${first.name} runs Istio ${first.version}, and ${other.name} ${other.version}: the same route may not mean quite the same in both`,
      next: 'bring all members to one minor release before the migration, or go on when both are known to agree',
    },
  ];
}

/** What istiod says of itself: the tag of its image may be a digest, or somebody's own. */
async function istioVersion(scene: Scene, member: MemberCluster): Promise<string> {
  const { namespace } = scene.migration.spec.istio;
  const pods = (await istiodPods(scene, member)).filter(isReady);
  const versions = await Promise.all(
    pods.map(({ metadata }) =>
      member.kube.forwardedGet(
        { namespace, pod: metadata.name, port: monitoringPort },
        '/version',
        scene.signal,
      ),
    ),
  );
  // While istiod is updated there are two; the older one limits what both can do.
  return versions.map(versionIn).toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))[0] ?? '';
}

/** istiod prints its build as JSON, or as `1.31.0-COMMIT-Clean`. */
function versionIn(printed: string): string {
  return /\d+\.\d+(\.\d+)?[-.\w]*/.exec(printed)?.[0] ?? printed.trim().slice(0, 60);
}

function numbersOf(version: string): readonly number[] {
  return /^(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number) ?? [];
}

function minorOf(version: string): string {
  return numbersOf(version).join('.') || version;
}

function unreadable({ name, member }: MemberCluster, version: string): Finding {
  return {
    why: `istiod in ${name} gives its version as ${JSON.stringify(version)}, which names no release`,
    next: `see which it is: istioctl --context ${member.context} version`,
    unknown: true,
  };
}
