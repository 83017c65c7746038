import { describe, expect, it } from 'vitest';
import { resolveIdentity } from './identity.ts';
import { InvalidContainerError } from './invalid-container.ts';

const databases = {
  passwd: 'root:x:0:0:root:/root:/bin/bash\nredis:x:104:110::/var/lib/redis:/usr/sbin/nologin\n',
  group: 'root:x:0:\nredis:x:110:\nadm:x:4:redis,syslog\n',
};
const nothing = {
  runAsUser: null,
  runAsGroup: null,
  runAsUsername: '',
  supplementalGroups: [],
  supplementalGroupsPolicy: 'Merge',
} as const;

describe('as whom a container runs', () => {
  it('is root when neither pod nor image says', () => {
    expect(resolveIdentity(null, '', databases)).toEqual({ uid: 0, gid: 0, groups: [0], home: '/root' });
  });

  it("is the image's user with the groups that the user is in", () => {
    expect(resolveIdentity(nothing, 'redis', databases)).toEqual({
      uid: 104,
      gid: 110,
      groups: [110, 4],
      home: '/var/lib/redis',
    });
  });

  it("is the pod's user before the image's", () => {
    const identity = resolveIdentity(
      { ...nothing, runAsUser: { value: '1337' }, runAsGroup: { value: '1337' } },
      '1000:1000',
      databases,
    );
    expect(identity).toEqual({ uid: 1337, gid: 1337, groups: [1337], home: '/' });
  });

  it("keeps the image's group when the kubelet repeats the image's user as the pod's", () => {
    expect(
      resolveIdentity({ ...nothing, runAsUser: { value: '1000' } }, '1000:1000', databases),
    ).toMatchObject({ uid: 1000, gid: 1000 });
  });

  it('adds the supplementary groups, and only those where the policy is strict', () => {
    const merged = { ...nothing, runAsUser: { value: '104' }, supplementalGroups: ['2000'] };
    expect(resolveIdentity(merged, '', databases).groups).toEqual([110, 4, 2000]);
    expect(resolveIdentity({ ...merged, supplementalGroupsPolicy: 'Strict' }, '', databases).groups).toEqual([
      110, 2000,
    ]);
  });

  it('is refused when the name is unknown', () => {
    expect(() => resolveIdentity(nothing, 'nobody-here', databases)).toThrow(InvalidContainerError);
    expect(() => resolveIdentity(nothing, 'redis:nogroup', databases)).toThrow(/group "nogroup"/);
  });
});
