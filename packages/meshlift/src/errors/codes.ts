/** Exit codes of the command line (docs/reference/exit-codes.md). */
export const exitCodes = {
  done: 0,
  error: 1,
  held: 2,
  rolledBack: 3,
  timedOut: 4,
  usage: 64,
  badInput: 65,
  checksFailed: 79,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

interface CodeFacts {
  readonly exit: ExitCode;
  /** whether trying again without a change may help */
  readonly retryable: boolean;
  readonly title: string;
}

/** Every failure that Meshlift can name. The key is the code that people see and search for. */
export const errorCodes = {
  'bad-input': { exit: exitCodes.badInput, retryable: false, title: 'the migration file is not valid' },
  'bad-usage': { exit: exitCodes.usage, retryable: false, title: 'the command line is not valid' },
  'missing-context': {
    exit: exitCodes.badInput,
    retryable: false,
    title: 'a cluster context is not in the kubeconfig',
  },
  'cluster-unreachable': { exit: exitCodes.error, retryable: true, title: 'a cluster does not answer' },
  'cluster-forbidden': { exit: exitCodes.error, retryable: false, title: 'a cluster does not allow it' },
  'cluster-refused': { exit: exitCodes.error, retryable: false, title: 'a cluster refused a request' },
  'cluster-conflict': {
    exit: exitCodes.error,
    retryable: true,
    title: 'an object was changed by someone else meanwhile',
  },
  'metrics-unavailable': {
    exit: exitCodes.error,
    retryable: true,
    title: 'what callers see is not known from Prometheus',
  },
  'ssh-unreachable': { exit: exitCodes.error, retryable: true, title: 'the VM does not answer over ssh' },
  'ssh-host-key': {
    exit: exitCodes.error,
    retryable: false,
    title: "the VM's host key is not the one expected",
  },
  'ssh-denied': { exit: exitCodes.error, retryable: false, title: 'the VM does not let us in' },
  'ssh-sudo': {
    exit: exitCodes.error,
    retryable: false,
    title: 'the login user on the VM may not become root',
  },
  'vm-command': { exit: exitCodes.error, retryable: false, title: 'a command on the VM failed' },
  'checks-failed': {
    exit: exitCodes.checksFailed,
    retryable: false,
    title: 'a check that must hold does not',
  },
  'owned-by-another': {
    exit: exitCodes.error,
    retryable: true,
    title: 'another engine drives this migration',
  },
  'wrong-phase': {
    exit: exitCodes.error,
    retryable: false,
    title: 'the migration is not where this command starts',
  },
  'not-agreed': { exit: exitCodes.held, retryable: true, title: 'the clusters did not all take the split' },
  'timed-out': { exit: exitCodes.timedOut, retryable: true, title: 'it did not become true in time' },
  'mirror-failed': {
    exit: exitCodes.held,
    retryable: true,
    title: 'the copy did not pass with mirrored requests',
  },
  'still-running': {
    exit: exitCodes.held,
    retryable: true,
    title: 'requests that began before still run',
  },
  'copy-not-answering': {
    exit: exitCodes.error,
    retryable: true,
    title: 'the copy does not answer callers through the mesh',
  },
  'istioctl-failed': { exit: exitCodes.error, retryable: true, title: 'istioctl is missing, or failed' },
  'mesh-out-of-scope': {
    exit: exitCodes.error,
    retryable: false,
    title: 'making the clusters one mesh takes a decision that is not ours',
  },
  'vm-unhealthy': { exit: exitCodes.held, retryable: true, title: 'the VM is not healthy' },
} as const satisfies Record<string, CodeFacts>;

export type ErrorCode = keyof typeof errorCodes;
