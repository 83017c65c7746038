/** What every command takes. */
export interface CommonOptions {
  readonly file: string;
  readonly kubeconfig?: string;
  readonly output: 'table' | 'json' | 'yaml';
  readonly verbose?: boolean;
}

/** What every command that changes something takes besides. */
export interface WriteCommandOptions extends CommonOptions {
  /** show what would be done, as a diff; change nothing */
  readonly dryRun?: boolean;
  /** print the objects that would be written, as YAML, for who applies them by other means; change nothing */
  readonly outputOnly?: boolean;
  /** with `outputOnly`: those of this member alone */
  readonly cluster?: string;
}
