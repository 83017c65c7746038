import { describe, expect, it } from 'vitest';
import { capabilityNumber, resolveCapabilities } from './capabilities.ts';
import { InvalidContainerError } from './invalid-container.ts';

const netAdmin = 12;
const netBindService = 10;
const lastCapability = 40;

describe("a container's capabilities", () => {
  it('are the usual ones when nothing is asked for', () => {
    const usual = resolveCapabilities([], []);
    expect(usual).toContain(netBindService);
    expect(usual).not.toContain(netAdmin);
    expect(usual).toHaveLength(14);
  });

  it('are none but those added where all are dropped', () => {
    expect(resolveCapabilities(['NET_ADMIN'], ['ALL'])).toEqual([netAdmin]);
    expect(resolveCapabilities([], ['all'])).toEqual([]);
  });

  it('are all but those dropped where all are added', () => {
    const most = resolveCapabilities(['ALL'], ['NET_ADMIN']);
    expect(most).toHaveLength(lastCapability);
    expect(most).not.toContain(netAdmin);
  });

  it('have the numbers of linux/capability.h, with or without CAP_', () => {
    expect(capabilityNumber('CHOWN')).toBe(0);
    expect(capabilityNumber('CAP_NET_RAW')).toBe(13);
    expect(capabilityNumber('sys_admin')).toBe(21);
    expect(capabilityNumber('CHECKPOINT_RESTORE')).toBe(lastCapability);
  });

  it('that do not exist are refused by name', () => {
    expect(() => resolveCapabilities(['NET_ADMINISTRATOR'], [])).toThrow(InvalidContainerError);
  });
});
