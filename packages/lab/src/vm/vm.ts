import { mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import type { Component } from '../supervisor/component.ts';
import { ensureDisk } from './disk.ts';
import { diskFolder } from './folders.ts';

export interface VmOptions {
  /** Host name, and the component's name. */
  readonly name: string;
  /** Its network namespace, with its address, routes and link already set. */
  readonly netns: string;
  readonly address: string;
  /** A folder of this VM's own, kept as long as its disk and keys are to be. */
  readonly stateDir: string;
  /** Where its power switch, a unix socket, is to be; the path may have 100 characters at most. */
  readonly controlSocket: string;
  readonly parts: { bin(name: string): string };
  /** What `ensureRootfs` gave. */
  readonly rootfs: string;
  readonly nameservers: readonly string[];
  readonly searchDomains?: readonly string[];
  /** Names of components that must be ready before it is switched on. */
  readonly after?: readonly string[];
}

/** How long services get to stop when the lab goes down. The processes of one that takes longer are killed. */
const GRACE = '2s';

/**
 * Makes the VM's disk and keys if there are none yet. Must run before its component starts, inside the sandbox, as
 * root of the lab.
 */
export async function prepareVm(vm: VmOptions): Promise<void> {
  await ensureDisk({ ...vm, searchDomains: vm.searchDomains ?? [] });
  await mkdir(path.dirname(vm.controlSocket), { recursive: true, mode: 0o700 });
}

/**
 * What the supervisor runs for a VM: one process that gives it namespaces and a root of its own and boots it.
 * It is ready when its sshd answers.
 */
export function vmComponents(vm: VmOptions): Component[] {
  return [
    {
      name: vm.name,
      netns: vm.netns,
      argv: [
        vm.parts.bin('systemd'),
        'machine',
        '--base',
        vm.rootfs,
        '--disk',
        diskFolder(vm.stateDir),
        '--control',
        vm.controlSocket,
        '--grace',
        GRACE,
      ],
      ...(vm.after ? { after: vm.after } : {}),
      ready: (signal) => answersSsh(vm.address, 22, signal),
    },
  ];
}

/**
 * Whether a server says that it speaks SSH. It is told that this client does, too, and then left: a visitor who says
 * nothing would be an error in its log.
 */
export function answersSsh(host: string, port: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal });
    const give = (answer: boolean) => {
      if (answer) socket.end('SSH-2.0-ready\r\n');
      else socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(2_000, () => give(false));
    socket.on('error', () => give(false));
    socket.once('end', () => give(false));
    // It says so first, in one line.
    socket.once('data', (greeting) => {
      socket.setTimeout(2_000, () => socket.destroy());
      give(greeting.toString('latin1').startsWith('SSH-2.0-'));
    });
  });
}
