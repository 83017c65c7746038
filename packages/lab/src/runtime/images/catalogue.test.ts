import { describe, expect, it } from 'vitest';
import { Catalogue } from './catalogue.ts';
import { CatalogueError, parseCatalogue } from './catalogue-file.ts';

const variables = { node: '/opt/node', parts: '/cache/parts' };

/** What a catalogue writes for a variable. */
function variable(name: string): string {
  return `\${${name}}`;
}

function images(definitions: Record<string, unknown>) {
  return parseCatalogue(JSON.stringify({ images: definitions }), '/etc/lab/images.json', variables);
}

describe('a catalogue file', () => {
  it('takes relative files from its own folder and fills variables in', () => {
    const [image] = images({
      'meshlift.dev/shop': {
        entrypoint: ['/usr/local/bin/node', '/app/main.mjs'],
        files: {
          '/usr/local/bin/node': variable('node'),
          '/app/main.mjs': 'dist/main.mjs',
          '/usr/local/bin/envoy': `${variable('parts')}/bin/envoy`,
        },
      },
    });
    expect(image?.files).toEqual({
      '/usr/local/bin/node': '/opt/node',
      '/app/main.mjs': '/etc/lab/dist/main.mjs',
      '/usr/local/bin/envoy': '/cache/parts/bin/envoy',
    });
    expect(image).toMatchObject({ workingDir: '/', user: '', env: {}, command: [] });
  });

  it('names every problem at once, with its place', () => {
    const read = () =>
      images({
        a: { entrypoint: 'sh', ports: [] },
        b: { files: { 'bin/x': `${variable('nod')}/x` } },
        c: { env: { N: 1 } },
      });
    expect(read).toThrow(CatalogueError);
    expect(read).toThrow(/images\["a"\]\.entrypoint must be a list of strings/);
    expect(read).toThrow(/images\["a"\]\.ports is not known/);
    expect(read).toThrow(/"bin\/x"\] must be an absolute path/);
    expect(read).toThrow(/\$\{nod\} is not known; known are \$\{node\}, \$\{parts\}/);
    expect(read).toThrow(/images\["c"\]\.env must be an object of strings/);
  });

  it('that is not JSON is refused by name', () => {
    expect(() => parseCatalogue('{', '/x/images.json', variables)).toThrow(/^\/x\/images\.json is not JSON/);
  });
});

describe('the catalogue', () => {
  const catalogue = new Catalogue(
    images({
      'docker.io/library/redis': { entrypoint: ['/usr/bin/redis-server'] },
      'meshlift.dev/shop:v2': { entrypoint: ['/v2'] },
      'meshlift.dev/shop': { entrypoint: ['/any'] },
    }),
    ['/etc/lab/images.json'],
  );

  it('finds a short name under its full one', () => {
    expect(catalogue.find('redis:7.2')?.entrypoint).toEqual(['/usr/bin/redis-server']);
  });

  it('prefers the entry with the tag asked for', () => {
    expect(catalogue.find('meshlift.dev/shop:v2')?.entrypoint).toEqual(['/v2']);
    expect(catalogue.find('meshlift.dev/shop:v1')?.entrypoint).toEqual(['/any']);
  });

  it('finds an image by the identifier that it gave it', () => {
    const image = catalogue.find('redis');
    expect(catalogue.find(image?.id ?? '')).toBe(image);
  });

  it('says of an unknown image what is known and what to do', () => {
    expect(catalogue.find('nginx')).toBeNull();
    expect(catalogue.explainMissing('nginx:1.25')).toMatch(
      /"nginx:1\.25" is not in the lab's image catalogue.*--images FILE.*docker\.io\/library\/redis.*\/etc\/lab\/images\.json/,
    );
  });

  it('lets a later file replace an image of an earlier one', () => {
    const both = new Catalogue(
      [
        ...images({ redis: { entrypoint: ['/a'] } }),
        ...images({ 'docker.io/redis': { entrypoint: ['/b'] } }),
      ],
      [],
    );
    expect(both.find('redis')?.entrypoint).toEqual(['/b']);
    expect(both.images).toHaveLength(1);
  });
});
