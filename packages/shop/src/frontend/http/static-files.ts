import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { plain, type Reply } from './reply.ts';

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export interface StaticFiles {
  /** The address of a file under which browsers may keep it for ever: it changes with the content. */
  address(path: string): string;
  /** The file at a path below /static/. A product's `.jpg` (the public catalog's) is answered with our drawing of it. */
  reply(path: string): Reply;
}

/** Reads every file below `folder` into memory, once: there are few, and they are small. */
export function loadStaticFiles(folder: string): StaticFiles {
  const files = new Map<string, { body: Buffer; version: string; type: string }>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const type = CONTENT_TYPES[extname(entry.name)];
    if (!entry.isFile() || type === undefined) continue;
    const file = join(entry.parentPath, entry.name);
    const body = readFileSync(file);
    const version = createHash('sha256').update(body).digest('hex').slice(0, 12);
    files.set(file.slice(folder.length).replace(/^\/*/, '/static/'), { body, version, type });
  }
  const find = (path: string) => files.get(path) ?? files.get(path.replace(/\.(jpg|png)$/, '.svg'));
  return {
    address(path) {
      const file = find(path);
      return file === undefined ? path : `${path}?v=${file.version}`;
    },
    reply(path) {
      const file = find(path);
      if (file === undefined) return plain(404, 'no such file');
      return {
        status: 200,
        headers: { 'content-type': file.type, 'cache-control': 'public, max-age=31536000, immutable' },
        body: file.body,
      };
    },
  };
}
