import { InvalidContainerError } from './invalid-container.ts';

/** The kernel's capabilities, each at the index that is its number (linux/capability.h). */
// biome-ignore format: a table
const names = [
  'CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID', 'SETPCAP',
  'LINUX_IMMUTABLE', 'NET_BIND_SERVICE', 'NET_BROADCAST', 'NET_ADMIN', 'NET_RAW', 'IPC_LOCK', 'IPC_OWNER',
  'SYS_MODULE', 'SYS_RAWIO', 'SYS_CHROOT', 'SYS_PTRACE', 'SYS_PACCT', 'SYS_ADMIN', 'SYS_BOOT', 'SYS_NICE',
  'SYS_RESOURCE', 'SYS_TIME', 'SYS_TTY_CONFIG', 'MKNOD', 'LEASE', 'AUDIT_WRITE', 'AUDIT_CONTROL',
  'SETFCAP', 'MAC_OVERRIDE', 'MAC_ADMIN', 'SYSLOG', 'WAKE_ALARM', 'BLOCK_SUSPEND', 'AUDIT_READ', 'PERFMON',
  'BPF', 'CHECKPOINT_RESTORE',
] as const;

const numbers: ReadonlyMap<string, number> = new Map(names.map((name, index) => [name, index]));

/** What a container has that asks for nothing: containerd's defaults, on which images rely. */
// biome-ignore format: a table
const defaults = [
  'CHOWN', 'DAC_OVERRIDE', 'FSETID', 'FOWNER', 'MKNOD', 'NET_RAW', 'SETGID', 'SETUID', 'SETFCAP',
  'SETPCAP', 'NET_BIND_SERVICE', 'SYS_CHROOT', 'KILL', 'AUDIT_WRITE',
] as const;

/**
 * The capabilities of a container, as the kernel's numbers in ascending order: the defaults, or all
 * where `ALL` is added, or none where `ALL` is dropped; with those added by name, without those
 * dropped by name. This is how containerd reads a pod.
 *
 * @throws InvalidContainerError
 */
export function resolveCapabilities(add: readonly string[], drop: readonly string[]): readonly number[] {
  const base = drop.some(isAll) ? [] : add.some(isAll) ? names : defaults;
  const granted = new Set(base.map(capabilityNumber));
  for (const name of add.filter((each) => !isAll(each))) granted.add(capabilityNumber(name));
  for (const name of drop.filter((each) => !isAll(each))) granted.delete(capabilityNumber(name));
  return [...granted].sort((a, b) => a - b);
}

/** The kernel's number of a capability, with or without `CAP_`. @throws InvalidContainerError */
export function capabilityNumber(name: string): number {
  const found = numbers.get(name.toUpperCase().replace(/^CAP_/, ''));
  if (found === undefined) throw new InvalidContainerError(`capability "${name}" is not known`);
  return found;
}

function isAll(name: string): boolean {
  return name.toUpperCase() === 'ALL';
}
