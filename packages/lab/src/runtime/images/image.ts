/** What the lab runs for an image name: programs of this machine on the lab's Debian root. */
export interface Image {
  /** `sha256:…` of the definition. */
  readonly id: string;
  /** The name under which the catalogue has it. */
  readonly name: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
  /** As in a Dockerfile: `user`, `user:group`, by name or number; empty is root. */
  readonly user: string;
  /** Path in the container → absolute path on this machine, shown read-only. */
  readonly files: Readonly<Record<string, string>>;
}
