import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import catalogue from '../../images.json' with { type: 'json' };

type Image = keyof (typeof catalogue)['images'];
/** A program of the shop, by the name of its image. */
export type Program = Image extends infer I ? (I extends `meshlift.dev/shop/${infer P}` ? P : never) : never;

/** Variables added to a program's environment. */
export type Settings = Readonly<Record<string, string>>;

export interface LoopbackOptions {
  /** Port of the frontend; a free one when absent. */
  readonly port?: number;
  /** `host:port`; carts are kept in memory when absent. */
  readonly redis?: string;
  readonly settings?: Readonly<Partial<Record<Program, Settings>>>;
  /** Takes every line that a program writes. */
  readonly onLine?: (line: string) => void;
}

/** Addresses under which programs find each other, by environment variable. */
const ADDRESSES = {
  PRODUCT_CATALOG_SERVICE_ADDR: 'productcatalogservice',
  RECOMMENDATION_SERVICE_ADDR: 'recommendationservice',
  CART_SERVICE_ADDR: 'cartservice',
  CURRENCY_SERVICE_ADDR: 'currencyservice',
  PAYMENT_SERVICE_ADDR: 'paymentservice',
  SHIPPING_SERVICE_ADDR: 'shippingservice',
  EMAIL_SERVICE_ADDR: 'emailservice',
  CHECKOUT_SERVICE_ADDR: 'checkoutservice',
  AD_SERVICE_ADDR: 'adservice',
  FRONTEND_ADDR: 'frontend',
} as const satisfies Record<string, Program>;

/** As in the manifests: the first cluster's programs, the second's, and the catalog on the VM. */
const FIRST_CLUSTER: readonly Program[] = ['recommendationservice', 'checkoutservice'];

/**
 * The shop as processes of their own on this machine's loopback, built by `npm run build`, with the Node options that
 * their images have. The catalog plays the VM.
 */
export class ShopOnLoopback {
  readonly #options: LoopbackOptions;
  readonly #ports: ReadonlyMap<Program, number>;
  readonly #running = new Map<Program, ChildProcess>();

  private constructor(options: LoopbackOptions, ports: ReadonlyMap<Program, number>) {
    this.#options = options;
    this.#ports = ports;
  }

  /** Starts every program but the load generator. Rejects, with everything stopped again, when one does not start. */
  static async open(options: LoopbackOptions = {}): Promise<ShopOnLoopback> {
    const programs = [...Object.values(ADDRESSES), 'loadgenerator'] as const;
    const ports = new Map<Program, number>();
    for (const program of programs) ports.set(program, await freePort());
    if (options.port !== undefined) ports.set('frontend', options.port);
    const shop = new ShopOnLoopback(options, ports);
    try {
      await Promise.all(Object.values(ADDRESSES).map((program) => shop.start(program)));
    } catch (error) {
      await shop.close();
      throw error;
    }
    return shop;
  }

  get programs(): readonly Program[] {
    return [...this.#running.keys()];
  }

  /** `127.0.0.1:PORT` */
  address(program: Program): string {
    return `127.0.0.1:${this.#ports.get(program)}`;
  }

  /** `http://127.0.0.1:PORT` of a program that speaks HTTP. */
  url(program: 'frontend' | 'loadgenerator'): string {
    return `http://${this.address(program)}`;
  }

  /** Starts a program, or starts it again; resolves when it is ready. */
  async start(program: Program, settings: Settings = {}): Promise<void> {
    const { onLine } = this.#options;
    const image = catalogue.images[`meshlift.dev/shop/${program}`];
    const file = fileURLToPath(new URL(`../../dist/${program}.mjs`, import.meta.url));
    const child = spawn(process.execPath, [...image.entrypoint.slice(1, -1), file], {
      env: {
        ...process.env,
        ...this.#environment(program),
        ...this.#options.settings?.[program],
        ...settings,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#running.set(program, child);
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        onLine?.(line);
        if ((JSON.parse(line) as { message?: string }).message === 'ready') resolve();
      });
      child.once('exit', (code, signal) => reject(new Error(`${program} ended with ${code ?? signal}`)));
      child.once('error', reject);
    });
  }

  /** Ends a program; resolves when it is gone, with its exit code, or null when a signal ended it. */
  async stop(program: Program, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const child = this.#running.get(program);
    if (child === undefined) throw new Error(`${program} is not running`);
    this.#running.delete(program);
    if (!hasEnded(child)) {
      const gone = once(child, 'exit');
      child.kill(signal);
      await gone;
    }
    return child.exitCode;
  }

  /** Programs that ended although nobody stopped them. */
  ended(): Program[] {
    return [...this.#running].filter(([, child]) => hasEnded(child)).map(([program]) => program);
  }

  async close(): Promise<void> {
    await Promise.all(this.programs.map((program) => this.stop(program)));
  }

  #environment(program: Program): Settings {
    const addresses = Object.entries(ADDRESSES).map(
      ([name, callee]) => [name, this.address(callee)] as const,
    );
    const { redis } = this.#options;
    return {
      ...Object.fromEntries(addresses),
      LISTEN_ADDR: '127.0.0.1',
      PORT: String(this.#ports.get(program)),
      CLUSTER: FIRST_CLUSTER.includes(program) ? 'cluster1' : 'cluster2',
      SERVED_BY_SIDE: 'vm',
      SERVED_BY_CLUSTER: 'vm',
      ...(redis === undefined ? {} : { REDIS_ADDR: redis }),
    };
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** Below those that systems give to connections going out, of which the shop's programs make some while others start. */
const PORTS = { first: 16_384, count: 16_384 };
/** Processes that look for ports at the same time look in different places. */
let looked = process.pid * 64;

/** A port that nothing listens on. */
export async function freePort(): Promise<number> {
  for (;;) {
    looked += 1;
    const port = PORTS.first + (looked % PORTS.count);
    const server = createServer().listen(port, '127.0.0.1');
    try {
      await once(server, 'listening');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') continue;
      throw error;
    }
    server.close();
    await once(server, 'close');
    return port;
  }
}
