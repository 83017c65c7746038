import { describe, expect, it } from 'vitest';
import { buildEnvironment, compareVersions } from './go.ts';

const old = { version: 'go1.22.3', settings: '', goArch: 'amd64', freeMemory: 16 * 1024 ** 3 } as const;
const current = { ...old, version: 'go1.26.8' };

describe('buildEnvironment', () => {
  it('lets an older Go fetch the one that is needed', () => {
    expect(buildEnvironment({}, old).GOTOOLCHAIN).toMatch(/^go1\.26\.\d+\+auto$/);
  });

  it('leaves the toolchain alone where Go is new enough', () => {
    expect(buildEnvironment({}, current)).not.toHaveProperty('GOTOOLCHAIN');
  });

  it("respects the user's choice of toolchain, made in the environment or with go env -w", () => {
    expect(buildEnvironment({ GOTOOLCHAIN: 'local' }, old).GOTOOLCHAIN).toBe('local');
    expect(
      buildEnvironment({}, { ...old, settings: 'GOPROXY=direct\nGOTOOLCHAIN=local\n' }),
    ).not.toHaveProperty('GOTOOLCHAIN');
  });

  it('trades memory for time only where there is memory, and never against the user', () => {
    expect(buildEnvironment({}, current).GOGC).toBe('400');
    expect(buildEnvironment({}, { ...current, freeMemory: 2 * 1024 ** 3 }).GOGC).toBeUndefined();
    expect(buildEnvironment({ GOGC: '50' }, current).GOGC).toBe('50');
  });

  it('keeps where to download from, and drops what would change or break the build', () => {
    const user = {
      GOPROXY: 'https://mirror.example',
      GOFLAGS: '-mod=vendor -race',
      GOWORK: '/somewhere/go.work',
      GOOS: 'windows',
      CGO_ENABLED: '1',
      GOEXPERIMENT: 'rangefunc',
    };
    expect(buildEnvironment(user, current)).toMatchObject({
      GOPROXY: 'https://mirror.example',
      GOFLAGS: '-mod=readonly',
      GOWORK: 'off',
      GOOS: 'linux',
      CGO_ENABLED: '0',
      GOEXPERIMENT: undefined,
    });
  });
});

describe('compareVersions', () => {
  it.each([
    ['go1.26.8', '1.26', 0],
    ['go1.9', '1.21', -1],
    ['go1.100', '1.21', 1],
    ['go2.0', '1.21', 1],
    ['go1.26rc1', '1.26', 0],
  ])('compares %s with %s by numbers, as far as both go', (a, b, sign) => {
    expect(Math.sign(compareVersions(a, b))).toBe(sign);
  });
});
