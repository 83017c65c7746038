import { describe, expect, it } from 'vitest';
import { parseImageReference } from './image-reference.ts';

describe('an image reference', () => {
  it.each([
    ['redis', 'docker.io/library/redis', null],
    ['redis:7.2', 'docker.io/library/redis', '7.2'],
    ['docker.io/redis', 'docker.io/library/redis', null],
    ['index.docker.io/library/redis:7', 'docker.io/library/redis', '7'],
    ['istio/proxyv2:1.31', 'docker.io/istio/proxyv2', '1.31'],
    ['registry.istio.io/release/proxyv2', 'registry.istio.io/release/proxyv2', null],
    ['localhost/a/b', 'localhost/a/b', null],
    ['localhost:5000/a', 'localhost:5000/a', null],
    ['registry:5000/a/b:v1', 'registry:5000/a/b', 'v1'],
  ])('%s is %s with tag %s', (name, repository, tag) => {
    expect(parseImageReference(name)).toEqual({ repository, tag });
  });

  it('is read without its digest', () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    expect(parseImageReference(`ghcr.io/a/b:v1@${digest}`)).toEqual({ repository: 'ghcr.io/a/b', tag: 'v1' });
  });
});
