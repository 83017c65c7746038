import type { LabEvent } from '../supervisor/events.ts';

/** Shows a boot while it happens. */
export interface BootView {
  start(): void;
  tell(event: LabEvent): void;
  /** After this nothing is written any more. */
  end(): void;
}
