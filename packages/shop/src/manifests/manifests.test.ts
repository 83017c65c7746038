import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import catalogue from '../../images.json' with { type: 'json' };

// What kubectl cannot know: that the manifests agree with each other, with the images and with the programs.

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

interface Service extends Manifest {
  readonly spec: { selector: { app: string }; ports: { port: number; targetPort: number }[] };
}

interface Sidecar extends Manifest {
  readonly spec: {
    workloadSelector: { labels: { app: string } };
    egress: { hosts: string[] }[];
  };
}

interface Container {
  readonly image: string;
  readonly ports: { containerPort: number }[];
  readonly env?: { name: string; value: string }[];
  readonly startupProbe?: object;
  readonly readinessProbe?: object;
  readonly livenessProbe?: object;
  readonly resources?: { requests?: object };
}

interface Deployment extends Manifest {
  readonly spec: {
    template: {
      metadata: { labels: { app: string } };
      spec: { serviceAccountName: string; containers: Container[] };
    };
  };
}

const root = new URL('../../manifests/', import.meta.url);

function read(folder: string): Manifest[] {
  const files = readdirSync(new URL(folder, root)).filter(
    (file) => file.endsWith('.yaml') && file !== 'kustomization.yaml',
  );
  return files.flatMap((file) =>
    parseAllDocuments(readFileSync(new URL(`${folder}${file}`, root), 'utf8')).map(
      (each) => each.toJS() as Manifest,
    ),
  );
}

const all = ['services/', 'cluster1/', 'cluster2/', 'catalog/'].flatMap(read);
const services = all.filter((each): each is Service => each.kind === 'Service');
const deployments = all.filter((each): each is Deployment => each.kind === 'Deployment');
const imagesOf = (place: string) =>
  (
    parse(readFileSync(new URL(`images/${place}/kustomization.yaml`, root), 'utf8')) as {
      images: { name: string; newName: string }[];
    }
  ).images;
const labImages = imagesOf('lab');
const gkeImages = imagesOf('gke');

function containerOf({ spec }: Deployment): Container {
  const [container] = spec.template.spec.containers;
  if (container === undefined) throw new Error('a Deployment has no container');
  return container;
}

describe('the manifests', () => {
  it('place every program of the image catalogue once', () => {
    const placed = deployments.map(({ metadata }) => metadata.name).filter((name) => name !== 'redis-cart');
    const images = Object.keys(catalogue.images).map((image) => image.replace('meshlift.dev/shop/', ''));
    expect(placed.sort()).toEqual(images.sort());
  });

  it('run in the lab only images that the catalogue has', () => {
    for (const deployment of deployments.filter(({ metadata }) => metadata.name !== 'redis-cart')) {
      const { image } = containerOf(deployment);
      const inLab = labImages.find(({ name }) => name === image)?.newName ?? image.replace(/:[^:]*$/, '');
      expect(Object.keys(catalogue.images)).toContain(inLab);
    }
  });

  it('run exact versions, wherever an image is named', () => {
    const named = readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.yaml'))
      .flatMap((file) => {
        const text = readFileSync(new URL(file, root), 'utf8');
        const renamed = [...text.matchAll(/newName: (\S+?),?\s+newTag: "?([^\s",]+)/g)];
        const inPods = [...text.matchAll(/image: ([^\s:]+)(?::(\S+))?/g)];
        return [...renamed, ...inPods].map(([, name = '', tag = '']) => ({ file, name, tag }));
      });
    const places = named.map(({ file }) => file);
    expect(places).toEqual(
      expect.arrayContaining(['images/gke/kustomization.yaml', 'cluster2/redis-cart.yaml']),
    );
    // Names without a registry are those that an overlay replaces.
    const replaced = new Set(labImages.map(({ name }) => name));
    const loose = named.filter(
      ({ name, tag }) => !replaced.has(name) && !/^v?\d+\.\d+\.\d+(-\w+)?$/.test(tag),
    );
    expect(loose).toEqual([]);
  });

  it('replace on GKE every image that the lab replaces, by the public one of the same name', () => {
    const inLab = labImages.map(({ name }) => name);
    expect(gkeImages.map(({ name }) => name)).toEqual(inLab);
    for (const { name, newName } of gkeImages)
      expect(newName).toMatch(new RegExp(`/microservices-demo/${name.slice('shop/'.length)}$`));
  });

  it('send every Service to a port that its pods listen on', () => {
    for (const service of services) {
      const deployment = deployments.find(
        ({ spec }) => spec.template.metadata.labels.app === service.spec.selector.app,
      );
      expect(deployment, service.metadata.name).toBeDefined();
      const listening =
        deployment === undefined ? [] : containerOf(deployment).ports.map((port) => port.containerPort);
      expect(listening).toEqual(service.spec.ports.map(({ targetPort }) => targetPort));
    }
  });

  it('give programs only addresses that a Service has', () => {
    const addresses = services.flatMap(({ metadata, spec }) =>
      spec.ports.map(({ port }) => `${metadata.name}:${port}`),
    );
    for (const deployment of deployments) {
      for (const { name, value } of containerOf(deployment).env ?? []) {
        if (name.endsWith('_ADDR')) expect(addresses, `${deployment.metadata.name} ${name}`).toContain(value);
      }
    }
  });

  it('spare the sidecars of exactly those programs that call nobody what they would be told of others', () => {
    const callNobody = deployments
      .filter((each) => (containerOf(each).env ?? []).every(({ name }) => !name.endsWith('_ADDR')))
      .map(({ metadata }) => metadata.name);
    const spared = all
      .filter((each): each is Sidecar => each.kind === 'Sidecar')
      .map(({ spec }) => {
        expect(spec.egress).toEqual([{ hosts: ['~/*'] }]);
        return spec.workloadSelector.labels.app;
      });
    // The catalog's is left as an injector makes it: it is what gets migrated.
    expect(spared.sort()).toEqual(callNobody.filter((name) => name !== 'productcatalogservice').sort());
  });

  it('give every workload its own service account, requests, and probes', () => {
    const accounts = all.filter(({ kind }) => kind === 'ServiceAccount').map(({ metadata }) => metadata.name);
    const used = deployments.map(({ spec }) => spec.template.spec.serviceAccountName);
    expect([...used].sort()).toEqual(accounts.sort());
    expect(new Set(used).size).toBe(used.length);
    for (const deployment of deployments) {
      const container = containerOf(deployment);
      expect(container.resources?.requests, deployment.metadata.name).toBeDefined();
      expect(container.readinessProbe, deployment.metadata.name).toBeDefined();
      expect(container.livenessProbe, deployment.metadata.name).toBeDefined();
    }
  });

  it('leave the catalog’s Service without pods until the migration brings them', () => {
    const catalog = services.find(({ metadata }) => metadata.name === 'productcatalogservice');
    expect(catalog?.spec.selector).toEqual({ app: 'productcatalogservice' });
    const before = ['cluster1/', 'cluster2/'].flatMap(read).map(({ metadata }) => metadata.name);
    expect(before).not.toContain('productcatalogservice');
  });
});
