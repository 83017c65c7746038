import type { LinuxContainerSecurityContext } from '../cri/messages.ts';
import { InvalidContainerError } from './invalid-container.ts';

/** The user databases of a container's root: the contents of /etc/passwd and /etc/group. */
export interface UserDatabases {
  readonly passwd: string;
  readonly group: string;
}

/** As whom a container runs. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly home: string;
}

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/**
 * The user, group and further groups of a container: what its security context says, else what the
 * image says, else root. A user's groups from the image are added unless the policy is `Strict`.
 *
 * @param imageUser as in a Dockerfile: `user` or `user:group`, by name or number
 * @throws InvalidContainerError when a name is in no database
 */
export function resolveIdentity(
  context: Pick<
    LinuxContainerSecurityContext,
    'runAsUser' | 'runAsGroup' | 'runAsUsername' | 'supplementalGroups' | 'supplementalGroupsPolicy'
  > | null,
  imageUser: string,
  databases: UserDatabases,
): Identity {
  const users = parsePasswd(databases.passwd);
  const groups = parseGroup(databases.group);
  const [imageUserPart = '', imageGroupPart = ''] = imageUser.split(':');

  const wanted = context?.runAsUser?.value ?? (context?.runAsUsername || imageUserPart || '0');
  const user = findUser(wanted, users);
  // The kubelet repeats the image's user as the pod's, but never its group.
  const usesImageUser = wanted === imageUserPart;
  const imageGid = usesImageUser && imageGroupPart !== '' ? findGroup(imageGroupPart, groups) : null;
  const gid = context?.runAsGroup ? Number(context.runAsGroup.value) : (imageGid ?? user.gid);

  const own =
    context?.supplementalGroupsPolicy === 'Strict'
      ? []
      : groups.filter((group) => group.members.includes(user.name));
  const further = [...own.map((group) => group.gid), ...(context?.supplementalGroups ?? []).map(Number)];
  return { uid: user.uid, gid, groups: [...new Set([gid, ...further])], home: user.home };
}

function findUser(wanted: string, users: readonly PasswdEntry[]): PasswdEntry {
  if (/^\d+$/.test(wanted)) {
    const uid = Number(wanted);
    return users.find((user) => user.uid === uid) ?? { name: '', uid, gid: 0, home: '/' };
  }
  const found = users.find((user) => user.name === wanted);
  if (!found) throw new InvalidContainerError(`user "${wanted}" is not in the image's /etc/passwd`);
  return found;
}

function findGroup(wanted: string, groups: readonly GroupEntry[]): number {
  if (/^\d+$/.test(wanted)) return Number(wanted);
  const found = groups.find((group) => group.name === wanted);
  if (!found) throw new InvalidContainerError(`group "${wanted}" is not in the image's /etc/group`);
  return found.gid;
}

function parsePasswd(content: string): readonly PasswdEntry[] {
  return entries(content).map(([name = '', , uid = '', gid = '', , home = '']) => ({
    name,
    uid: Number(uid),
    gid: Number(gid),
    home: home || '/',
  }));
}

function parseGroup(content: string): readonly GroupEntry[] {
  return entries(content).map(([name = '', , gid = '', members = '']) => ({
    name,
    gid: Number(gid),
    members: members.split(',').filter((member) => member !== ''),
  }));
}

function entries(content: string): readonly string[][] {
  return content
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'));
}
