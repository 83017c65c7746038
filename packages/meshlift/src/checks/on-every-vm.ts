import type { Check, Finding } from './check.ts';
import type { Scene } from './scene.ts';

/** Looks at every VM at once; where there are several, each finding names the one that it is about. */
export function onEveryVm(look: (vm: Scene) => Promise<readonly Finding[]>): Check['look'] {
  return async (scene) => {
    const vms = scene.vms();
    const found = await Promise.all(
      vms.map(async (vm) =>
        (await look(vm)).map((it) =>
          vms.length === 1 ? it : { ...it, why: `VM ${vm.machine.host}: ${it.why}` },
        ),
      ),
    );
    return found.flat();
  };
}
