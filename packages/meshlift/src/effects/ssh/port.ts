export interface SshResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RemoteFile {
  /** absolute path on the VM; missing parent folders are made, owned by root, mode 0755 */
  readonly path: string;
  readonly content: string | Uint8Array;
  /** octal, e.g. 0o600 */
  readonly mode: number;
  /** `user` or `user:group` that must exist on the VM */
  readonly owner: string;
}

/**
 * A shell on the VM as root (the login user, through sudo where it is not root), over ssh with a verified host key.
 * Rejects with a MeshliftError: `ssh-unreachable`, `ssh-host-key` (unknown or changed), `ssh-denied` (no key accepted),
 * `ssh-sudo` (sudo asks for a password), each naming the VM and what to do. Contents travel over standard input only,
 * never in an argument list.
 */
export interface Ssh {
  /** `user@host:port` as people write it, for messages */
  readonly target: string;
  /** runs a POSIX shell script as root; a non-zero exit code is a result, not an error */
  run(
    script: string,
    options?: { readonly stdin?: string | Uint8Array; readonly signal?: AbortSignal },
  ): Promise<SshResult>;
  /** writes a file atomically with owner and mode in place before its content is visible under its name */
  write(file: RemoteFile, signal?: AbortSignal): Promise<void>;
  /** copies a local file to a path on the VM; progress is the number of bytes sent so far of `total` */
  upload(
    localPath: string,
    remotePath: string,
    options?: { readonly progress?: (sent: number, total: number) => void; readonly signal?: AbortSignal },
  ): Promise<void>;
  /** closes the shared connection */
  close(): Promise<void>;
}
