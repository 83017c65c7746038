import { homedir } from 'node:os';
import { join } from 'node:path';

/** The longest path that Linux takes for a Unix socket, without its final zero. */
const LONGEST_SOCKET_PATH = 107;

/** The kubelet's own, of every cluster's node. */
const DEEPEST_SOCKET = 'cluster1/node/kubelet/device-plugins/kubelet.sock';

/** Where everything of one lab is kept; mode 0700, removed by `lab down`. */
export class StateFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  static of(name: string, env: NodeJS.ProcessEnv): StateFolder {
    return new StateFolder(join(labsFolder(env), name));
  }

  in(...name: string[]): string {
    return join(this.path, ...name);
  }

  /** Held, by flock(2), as long as the lab's warden lives. Beside the folder, which goes before it. */
  get lock(): string {
    return `${this.path}.lock`;
  }

  get settings(): string {
    return this.in('lab.json');
  }

  /** The warden's socket: status and `down`. */
  get wardenSocket(): string {
    return this.in('warden.sock');
  }

  /** The supervisor's socket, which the sandbox listens on. */
  get sandboxSocket(): string {
    return this.in('sandbox.sock');
  }

  get kubeconfig(): string {
    return this.in('kubeconfig');
  }

  /** For `ssh -F`: it leads to the VM. */
  get sshConfig(): string {
    return this.in('vm', 'ssh', 'config');
  }

  get wardenLog(): string {
    return this.in('warden.log');
  }

  get supervisorLog(): string {
    return this.in('supervisor.log');
  }

  get logs(): string {
    return this.in('logs');
  }

  /** Null, or why there can't be a lab in the folder. */
  problem(): string | null {
    return this.#tooLong(this.wardenSocket, this.sandboxSocket);
  }

  /** Null, or why a lab can't be started in the folder. */
  problemOfNew(): string | null {
    return this.#tooLong(this.in(DEEPEST_SOCKET));
  }

  #tooLong(...sockets: readonly string[]): string | null {
    const longest = Math.max(...sockets.map((path) => Buffer.byteLength(path)));
    return longest > LONGEST_SOCKET_PATH
      ? `the state folder's path ${this.path} is ${longest - LONGEST_SOCKET_PATH} characters too long for Unix sockets: set XDG_STATE_HOME to a shorter one or choose a shorter --name`
      : null;
  }
}

/** The folder of all labs of this user. */
export function labsFolder(env: NodeJS.ProcessEnv): string {
  const state = env.XDG_STATE_HOME || join(env.HOME || homedir(), '.local', 'state');
  return join(state, 'meshlift', 'lab');
}
