/** What every command takes. */
export interface CommonOptions {
  readonly file: string;
  readonly kubeconfig?: string;
  readonly output: 'table' | 'json' | 'yaml';
  readonly verbose?: boolean;
}
