import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import catalogue from '../images.json' with { type: 'json' };

// The whole shop on this machine's loopback, for looking at and working on: `npm run local -w @meshlift/shop`.
// The frontend listens on 8080 (or PORT), everything else on free ports. The catalog plays the VM, and a cart needs no
// Redis unless there is a redis-server on the PATH. RATE, CATALOG_RATE and so on are passed to the load generator,
// which is started only when RATE is set. Ctrl-C stops everything.

const dist = (program: string): string => fileURLToPath(new URL(`../dist/${program}.mjs`, import.meta.url));
type Image = keyof (typeof catalogue)['images'];
type Program = Image extends infer I ? (I extends `meshlift.dev/shop/${infer P}` ? P : never) : never;
/** Node's own options, as the images have them. */
const nodeOptions = (program: Program): readonly string[] =>
  catalogue.images[`meshlift.dev/shop/${program}`].entrypoint.slice(1, -1);
const children: ChildProcess[] = [];

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('the system gave no port');
  return address.port;
}

function start(program: Program, env: Readonly<Record<string, string>>): Promise<void> {
  const child = spawn(process.execPath, [...nodeOptions(program), dist(program)], {
    env: { ...process.env, LISTEN_ADDR: '127.0.0.1', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      process.stdout.write(`${line}\n`);
      if ((JSON.parse(line) as { message?: string }).message === 'ready') resolve();
    });
    child.once('exit', (code) => reject(new Error(`${program} ended with ${code}`)));
  });
}

function onPath(program: string): string | undefined {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const file = join(folder, program);
    try {
      accessSync(file);
      return file;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

async function startRedis(): Promise<Record<string, string>> {
  const program = onPath('redis-server');
  if (program === undefined) return {};
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  children.push(spawn(program, args, { stdio: 'ignore' }));
  return { REDIS_ADDR: `127.0.0.1:${port}` };
}

async function stopAll(): Promise<void> {
  for (const child of children) child.removeAllListeners('exit');
  await Promise.all(
    children.map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    }),
  );
}

const at = async (): Promise<string> => String(await freePort());
const [catalog, recommendation, cart, currency, payment, shipping, email, checkout, ads] = await Promise.all(
  Array.from({ length: 9 }, at),
);
const frontend = process.env.PORT ?? '8080';
const addresses = {
  PRODUCT_CATALOG_SERVICE_ADDR: `127.0.0.1:${catalog}`,
  RECOMMENDATION_SERVICE_ADDR: `127.0.0.1:${recommendation}`,
  CART_SERVICE_ADDR: `127.0.0.1:${cart}`,
  CURRENCY_SERVICE_ADDR: `127.0.0.1:${currency}`,
  PAYMENT_SERVICE_ADDR: `127.0.0.1:${payment}`,
  SHIPPING_SERVICE_ADDR: `127.0.0.1:${shipping}`,
  EMAIL_SERVICE_ADDR: `127.0.0.1:${email}`,
  CHECKOUT_SERVICE_ADDR: `127.0.0.1:${checkout}`,
  AD_SERVICE_ADDR: `127.0.0.1:${ads}`,
  FRONTEND_ADDR: `127.0.0.1:${frontend}`,
};

const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
try {
  await Promise.all([
    start('productcatalogservice', {
      PORT: `${catalog}`,
      SERVED_BY_SIDE: 'vm',
      SERVED_BY_CLUSTER: 'cluster1',
    }),
    start('recommendationservice', { PORT: `${recommendation}`, CLUSTER: 'cluster1', ...addresses }),
    start('cartservice', { PORT: `${cart}`, ...(await startRedis()) }),
    start('currencyservice', { PORT: `${currency}` }),
    start('paymentservice', { PORT: `${payment}` }),
    start('shippingservice', { PORT: `${shipping}` }),
    start('emailservice', { PORT: `${email}` }),
    start('checkoutservice', { PORT: `${checkout}`, CLUSTER: 'cluster1', ...addresses }),
    start('adservice', { PORT: `${ads}` }),
    start('frontend', { PORT: frontend, CLUSTER: 'cluster2', ...addresses }),
  ]);
  if (process.env.RATE !== undefined)
    await start('loadgenerator', { PORT: '8089', CLUSTER: 'cluster2', ...addresses });
  process.stdout.write(`\nThe shop is open: http://127.0.0.1:${frontend}/   (Ctrl-C closes it)\n\n`);
  await interrupted;
} finally {
  await stopAll();
}
