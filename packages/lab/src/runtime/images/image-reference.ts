/** An image name as it is written in pod specs, taken apart. */
export interface ImageReference {
  /** Without tag and digest, as written in full: `redis` is `docker.io/library/redis`. */
  readonly repository: string;
  readonly tag: string | null;
}

/**
 * Takes an image name apart the way container tools do: a first component with a dot, a colon or
 * the name `localhost` is a registry; without one it is Docker Hub. A digest is ignored.
 */
export function parseImageReference(name: string): ImageReference {
  const [withoutDigest = ''] = name.split('@');
  const lastSlash = withoutDigest.lastIndexOf('/');
  const colon = withoutDigest.indexOf(':', lastSlash + 1);
  const path = colon < 0 ? withoutDigest : withoutDigest.slice(0, colon);
  const tag = colon < 0 ? null : withoutDigest.slice(colon + 1);
  return { repository: qualified(path), tag };
}

function qualified(path: string): string {
  const [first = '', ...rest] = path.split('/');
  if (rest.length === 0) return `docker.io/library/${path}`;
  const isRegistry = first.includes('.') || first.includes(':') || first === 'localhost';
  if (!isRegistry) return `docker.io/${path}`;
  if (first === 'index.docker.io') return qualified(`docker.io/${rest.join('/')}`);
  if (first === 'docker.io' && rest.length === 1) return `docker.io/library/${rest[0]}`;
  return path;
}
