import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { forgetTracking, trackOpenConnections } from './open-connections.ts';

const script = path.join(import.meta.dirname, 'testdata/connection/run.sh');
const canTest =
  process.getuid?.() === 0 && ['/usr/sbin/iptables', '/usr/bin/nsenter'].every((it) => existsSync(it));

function connection(before: string, after: string): string[] {
  const output = execFileSync('unshare', ['--net', '--mount', script, before, after], { encoding: 'utf8' });
  return output.trim().split('\n');
}

describe.runIf(canTest)(
  'a connection that is open when the first redirecting rules come',
  () => {
    it('is cut where connections were not tracked before', () => {
      expect(connection(':', ':')).toEqual(['cut', '0']);
    });

    it('goes on where they were, and nothing is left of the rules for it', () => {
      expect(connection(trackOpenConnections, forgetTracking)).toEqual(['alive', '0']);
    });
  },
  30_000,
);
