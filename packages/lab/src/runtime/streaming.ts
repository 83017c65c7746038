import { request } from 'node:http';

/** What the streaming server is asked to prepare; packages/lab/parts/streaming/main.go reads it. */
export type StreamRequest =
  | {
      readonly kind: 'exec';
      readonly containerId: string;
      readonly command: readonly string[];
      readonly stdin: boolean;
      readonly stdout: boolean;
      readonly stderr: boolean;
      readonly tty: boolean;
    }
  | {
      readonly kind: 'attach';
      readonly containerId: string;
      readonly stdin: boolean;
      readonly stdout: boolean;
      readonly stderr: boolean;
      readonly tty: boolean;
    }
  | { readonly kind: 'portForward'; readonly podId: string; readonly ports: readonly number[] };

/** The Go program that speaks SPDY and WebSocket with the kubelet: packages/lab/parts/streaming. */
export class Streaming {
  readonly #socket: string;

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** Prepares a stream and answers the URL at which the kubelet finds it, once. */
  async url(wanted: StreamRequest): Promise<string> {
    const { status, body } = await this.#post('/streams', JSON.stringify(wanted));
    if (status !== 200) throw new Error(`the streaming server refused to ${wanted.kind}: ${body}`);
    return (JSON.parse(body) as { readonly url: string }).url;
  }

  #post(path: string, content: string): Promise<{ readonly status: number; readonly body: string }> {
    return new Promise((resolve, reject) => {
      const call = request({ socketPath: this.#socket, path, method: 'POST' }, (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: body.trim() }));
        response.on('error', reject);
      });
      call.on('error', (cause) =>
        reject(
          new Error(`the streaming server does not answer on ${this.#socket}: ${cause.message}`, { cause }),
        ),
      );
      call.end(content);
    });
  }
}
