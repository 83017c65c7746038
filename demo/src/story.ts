import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { migrationFile } from './migration-file.ts';
import { customerCount, openHome, pageAddress, untilHome } from './shop.ts';
import type { Stage } from './stage.ts';
import type { Storyteller } from './storyteller.ts';

const shopFolder = 'packages/shop/manifests/lab/endpoint-discovery';

/** The walkthrough's twelve steps in order. Each tells what it did, how to do it by hand, and what it measured. */
export async function tellStory(stage: Stage, story: Storyteller, folder: string): Promise<void> {
  await createInfrastructure(stage, story);
  await openTheWay(stage, story);
  await showTheMesh(stage, story);
  await deployTheShop(stage, story);
  const file = await describeTheMigration(stage, story, folder);
  await prepareTheVm(stage, story);
  await joinTheVm(stage, story, file);
  await seeTheShopHeal(stage, story);
  await deployTheCopy(stage, story, file);
  await splitTraffic(stage, story, file);
  await completeTheMigration(stage, story, file);
  await reportAndRetire(stage, story, file, folder);
}

async function createInfrastructure(stage: Stage, story: Storyteller): Promise<void> {
  story.step(1, 'Create two clusters and a VM');
  story.byHand('npx meshlift lab up --images packages/shop/images.json');
  const lab = await stage.labUp([join(stage.root, 'packages/shop/images.json')]);
  const memory = lab.components.reduce((total, it) => total + it.rssBytes, 0);
  const ready = lab.components.filter((it) => it.health === 'ready').length;
  story.measured(
    `${ready} of ${lab.components.length} parts ready, ${(memory / 1e9).toFixed(1)} GB of memory`,
  );
}

async function openTheWay(stage: Stage, story: Storyteller): Promise<void> {
  story.step(2, 'Let them reach each other');
  story.say('the clusters and the VM share one network; nothing leads out of it');
  const home = gatewayOf(stage, 'cluster1');
  story.byHand(
    `ssh -F ${stage.vm.ssh.config} ${stage.vm.ssh.host} 'timeout 3 bash -c "</dev/tcp/${home}/15012"'`,
  );
  const { exitCode, stderr } = await stage.onVm(`timeout 3 bash -c '</dev/tcp/${home}/15012'`);
  if (exitCode !== 0) throw new Error(`the VM can't reach the mesh's door ${home}:15012: ${stderr.trim()}`);
  story.measured(`the VM (${stage.vm.address}) reaches the control plane's door ${home}:15012`);
}

async function showTheMesh(stage: Stage, story: Storyteller): Promise<void> {
  story.step(3, 'Install Istio on both clusters and join them in one mesh');
  const { istio, kubernetes } = stage.lab.versions;
  story.say(
    `Istio ${istio} on Kubernetes ${kubernetes}; one root certificate, made for this lab; done by step 1`,
  );
  for (const { context, name } of stage.lab.clusters) {
    story.byHand(`istioctl --context ${context} remote-clusters`);
    const table = await stage.istioctl(context, ['remote-clusters']);
    const others = table
      .trim()
      .split('\n')
      .slice(1)
      .filter((line) => !line.startsWith(`${name} `));
    const synced = others.filter((line) => line.includes('synced')).length;
    if (synced < stage.lab.clusters.length - 1)
      throw new Error(`${name} does not see every other cluster:\n${table}`);
    story.measured(`${name} has synced ${synced} other cluster`);
  }
}

async function deployTheShop(stage: Stage, story: Storyteller): Promise<void> {
  story.step(4, 'Deploy the shop, without its product catalog');
  for (const { context } of stage.lab.clusters) {
    story.byHand(`kubectl --context ${context} apply -k ${shopFolder}/${context}`);
  }
  await Promise.all(
    stage.lab.clusters.map(({ context }) =>
      stage.kubectl(context, ['apply', '-k', join(stage.root, shopFolder, context)]),
    ),
  );
  await Promise.all(
    stage.lab.clusters.map(async ({ context }) => {
      // The load generator is ready when the shop is, which has no catalog yet.
      const list = await stage.kubectl(context, ['get', 'deployments', '-o', 'name']);
      const names = list
        .trim()
        .split('\n')
        .filter((name) => !name.endsWith('/loadgenerator'));
      const waiting = new Set(names.map((name) => name.replace(/^.*\//, '')));
      await story.during(
        () => `${context} still starts ${[...waiting].join(', ')}`,
        Promise.all(
          names.map(async (name) => {
            await stage.kubectl(context, ['rollout', 'status', name, '--timeout=120s']);
            waiting.delete(name.replace(/^.*\//, ''));
          }),
        ),
      );
      story.measured(`${names.length} deployments ready in ${context}`);
    }),
  );
  const page = await untilHome(stage, 'a page that says that the catalog is away', (it) => it.status === 503);
  story.measured(`the page answers ${page.status} and says that its catalog is away: ${pageAddress(stage)}`);
}

async function describeTheMigration(stage: Stage, story: Storyteller, folder: string): Promise<string> {
  story.step(5, 'Describe the migration, and see what it would write');
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'migration.yaml');
  await writeFile(file, migrationFile(stage));
  story.byHand(`npx meshlift -f ${file} plan`);
  // Exit code 2 says that there is something to write, and nothing was written.
  const { exitCode, stdout, stderr } = await stage.meshlift(['-f', file, 'plan'], {
    quiet: true,
    mayFail: true,
  });
  if (exitCode !== 2) throw new Error(`the plan ended with ${exitCode}:\n${stdout}${stderr}`);
  story.measured(stdout.trim().split('\n').at(-1) ?? '');
  return file;
}

async function prepareTheVm(stage: Stage, story: Storyteller): Promise<void> {
  story.step(6, 'Run the product catalog on the VM, as a systemd service');
  const { ssh } = stage.vm;
  const files = {
    'install.sh': join(stage.root, 'packages/shop/vm/install.sh'),
    'productcatalogservice.service': join(stage.root, 'packages/shop/vm/productcatalogservice.service'),
    'productcatalogservice.mjs': join(stage.root, 'packages/shop/dist/productcatalogservice.mjs'),
    node: process.execPath,
  };
  story.byHand(
    `scp -F ${ssh.config} ${Object.values(files)
      .map((it) => stage.shown(it))
      .join(' ')} ${ssh.host}:catalog/`,
  );
  story.byHand(`ssh -F ${ssh.config} ${ssh.host} sudo sh catalog/install.sh`);
  await stage.toVm(files, 'catalog');
  const installed = await stage.onVm(
    'sudo sh catalog/install.sh && systemctl is-active productcatalogservice',
  );
  if (installed.exitCode !== 0)
    throw new Error(`the catalog did not start on the VM:\n${installed.stderr}${installed.stdout}`);
  story.measured(`productcatalogservice is ${installed.stdout.trim().split('\n').at(-1)} on the VM`);
}

async function joinTheVm(stage: Stage, story: Storyteller, file: string): Promise<void> {
  story.step(7, 'Join the VM to the mesh, and put all traffic on it in every cluster');
  story.byHand(`npx meshlift -f ${file} check`);
  const { stdout } = await stage.meshlift(['-f', file, 'check'], { quiet: true });
  story.measured(stdout.trim().split('\n').at(-1) ?? '');
  story.byHand(`npx meshlift -f ${file} vm join`);
  await stage.meshlift(['-f', file, 'vm', 'join']);
  story.measured('the VM is healthy, and every proxy of both clusters serves 100/0');
}

async function seeTheShopHeal(stage: Stage, story: Storyteller): Promise<void> {
  story.step(8, 'See the shop heal');
  const page = await untilHome(
    stage,
    'a page with products from the VM',
    (it) => it.status === 200 && it.servedBy === 'vm',
  );
  story.measured(
    `${page.products} products on the page, served by the ${page.servedBy} side: ${pageAddress(stage)}`,
  );
  await stage.kubectl('cluster2', ['rollout', 'status', 'deployment/loadgenerator', '--timeout=60s']);
  story.measured('customers are shopping');
}

async function deployTheCopy(stage: Stage, story: Storyteller, file: string): Promise<void> {
  story.step(9, 'Deploy the catalog’s Kubernetes copy, at 0 %');
  story.byHand(`npx meshlift -f ${file} deploy`);
  await stage.meshlift(['-f', file, 'deploy']);
  const page = await openHome(stage);
  story.measured(
    `the copy is ready and known in both clusters; the page is still served by the ${page.servedBy} side`,
  );
}

async function splitTraffic(stage: Stage, story: Storyteller, file: string): Promise<void> {
  story.step(10, 'Send 20 % of the traffic to the copy, in both clusters');
  story.byHand(`npx meshlift -f ${file} shift 20`);
  const { stdout } = await stage.meshlift(['-f', file, 'shift', '20']);
  for (const line of stdout.trim().split('\n').slice(1)) story.line(line);
  story.measured('every proxy acknowledged the split, and callers see it');
}

async function completeTheMigration(stage: Stage, story: Storyteller, file: string): Promise<void> {
  story.step(11, 'Go on to 100 %, judged at every step; then make Kubernetes the service’s own home');
  story.byHand(`npx meshlift -f ${file} run`);
  await stage.meshlift(['-f', file, 'run']);
  const page = await untilHome(stage, 'a page from Kubernetes', (it) => it.servedBy === 'k8s');
  story.measured(`the page is served by the ${page.servedBy} side; no route of Meshlift's is left`);
}

async function reportAndRetire(
  stage: Stage,
  story: Storyteller,
  file: string,
  folder: string,
): Promise<void> {
  story.step(12, 'Retire the VM, and report');
  story.byHand(`npx meshlift -f ${file} retire`);
  await stage.meshlift(['-f', file, 'retire']);
  const before = await customerCount(stage);
  story.byHand(
    `ssh -F ${stage.vm.ssh.config} ${stage.vm.ssh.host} sudo systemctl stop productcatalogservice`,
  );
  const stopped = await stage.onVm('sudo systemctl stop productcatalogservice');
  if (stopped.exitCode !== 0) throw new Error(`the catalog on the VM did not stop: ${stopped.stderr}`);
  const page = await openHome(stage);
  const after = await customerCount(stage);
  story.measured(
    `with the VM's catalog stopped, the page still shows ${page.products} products, and of ${after.requests.total - before.requests.total} further requests ${after.requests.failed - before.requests.failed} failed`,
  );
  story.byHand(`npx meshlift -f ${file} report`);
  const { stdout } = await stage.meshlift(['-f', file, 'report', '--folder', folder], { quiet: true });
  for (const line of stdout.trimEnd().split('\n')) story.line(line);
  story.measured(
    `the customers' own count: ${after.requests.failed} of ${after.requests.total} requests failed${after.requests.failed ? `: ${JSON.stringify(after.failuresByKind)}` : ''}`,
  );
  story.say(`report: ${join(folder, 'report.html')}, ${join(folder, 'report.json')}`);
}

function gatewayOf(stage: Stage, name: string): string {
  const cluster = stage.lab.clusters.find((it) => it.name === name);
  if (!cluster) throw new TypeError(`the lab has no ${name}`);
  return cluster.gateways.eastwest.address;
}
