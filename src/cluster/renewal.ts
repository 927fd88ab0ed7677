/** Certificates are renewed while their process runs, long before they end. */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { CertificateAndKey } from '../base/pki.ts';

/** How often certificates are looked at. */
const checkMs = 60 * 60 * 1000;

export interface RenewalOptions<T> {
  readonly clock: Clock;
  readonly log: Logger;
  /** The certificates in use. */
  readonly current: T;
  /** Gives them as they are by now, those that are near their end made anew. */
  read(now: number): T;
  /** Takes new ones into use. */
  use(renewed: T): void;
}

/** Looks every hour, and hands on what has changed. A look that fails is logged; the next one tries again. */
export function renewWhileRunning<T extends object>(options: RenewalOptions<T>): { cancel(): void } {
  const { clock, log } = options;
  let current = options.current;
  return clock.every(checkMs, () => {
    try {
      const found = options.read(clock.now());
      if (texts(found) === texts(current)) return;
      options.use(found);
      current = found;
      log.info('certificates were renewed');
    } catch (error) {
      log.error('certificates could not be renewed', { error });
    }
  });
}

const texts = (certificates: object): string =>
  (Object.values(certificates) as Partial<CertificateAndKey>[]).map(({ cert = '' }) => cert).join('');
