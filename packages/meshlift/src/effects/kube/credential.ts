import type { Agent } from 'node:http';

/** What a request to one API server must carry, beside its path and body. */
export interface Credential {
  readonly headers: Readonly<Record<string, string>>;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** set where the way to the server is through a proxy */
  readonly agent?: Agent;
}
