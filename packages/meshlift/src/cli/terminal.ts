/** The process's edge as a value: where results and progress go, and what kind of terminal is there. */
export interface Terminal {
  /** results, and nothing else */
  out(text: string): void;
  /** progress, warnings, errors */
  err(text: string): void;
  /** the streams themselves, for `meshlift lab`, which hands them on to ssh and others */
  readonly streams: {
    readonly stdin: NodeJS.ReadStream;
    readonly stdout: NodeJS.WriteStream;
    readonly stderr: NodeJS.WriteStream;
  };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly home: string;
  /** whether progress goes to a person's terminal */
  readonly interactive: boolean;
  /** whether results go to a person's terminal, which can be drawn anew */
  readonly screen: boolean;
  /** whether results may be coloured */
  readonly color: boolean;
  readonly columns: number;
  readonly rows: number;
  /** aborts when the user presses Ctrl-C: the command detaches, the migration stays as it is */
  readonly signal: AbortSignal;
}
