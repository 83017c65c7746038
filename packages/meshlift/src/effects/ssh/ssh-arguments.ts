/** Whom to log in to; what is left out comes from the user's ssh configuration. */
export interface SshTarget {
  readonly host: string;
  readonly user?: string | undefined;
  readonly port?: number | undefined;
  readonly identityFile?: string | undefined;
  /** used instead of ~/.ssh/config */
  readonly configFile?: string | undefined;
  /** used instead of ~/.ssh/known_hosts */
  readonly knownHostsFile?: string | undefined;
  /** 10 unless given */
  readonly connectTimeoutSeconds?: number | undefined;
}

/** Arguments of `ssh` up to the host: who and where. */
export function addressArguments(target: SshTarget): string[] {
  return [
    ...(target.configFile === undefined ? [] : ['-F', target.configFile]),
    ...(target.user === undefined ? [] : ['-l', target.user]),
    ...(target.port === undefined ? [] : ['-p', String(target.port)]),
    // Without IdentitiesOnly the agent's keys are offered first, and a server hangs up after a few wrong ones.
    ...(target.identityFile === undefined ? [] : ['-i', target.identityFile, '-o', 'IdentitiesOnly=yes']),
    ...(target.knownHostsFile === undefined ? [] : ['-o', `UserKnownHostsFile=${target.knownHostsFile}`]),
  ];
}

/**
 * Arguments that make every command safe and quick: the host key must be known, nothing is ever asked for, and all
 * commands share one connection, which outlives a killed process of ours by a minute at most.
 */
export function sessionArguments(target: SshTarget, controlPath: string): string[] {
  const options = {
    BatchMode: 'yes',
    StrictHostKeyChecking: 'yes',
    UpdateHostKeys: 'no',
    ConnectTimeout: String(target.connectTimeoutSeconds ?? 10),
    // A VM that was cut off in silence is noticed within 15 s, also in the middle of a command.
    ServerAliveInterval: '5',
    ServerAliveCountMax: '3',
    ControlMaster: 'auto',
    ControlPath: controlPath,
    ControlPersist: '60',
    // The user's own configuration may ask for these on every login.
    ClearAllForwardings: 'yes',
    RemoteCommand: 'none',
    RequestTTY: 'no',
    ForwardAgent: 'no',
    LogLevel: 'ERROR', // keeps login banners out of what commands say
  };
  return Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}
