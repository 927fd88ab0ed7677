/** Recording events about objects, aggregated and rate-limited as client-go does. (Interface; see event-recorder.ts.) */
import type { KubeObject, Shared } from '../api/kind.ts';

export interface EventRecorder {
  /**
   * Records an event about an object; never throws, never blocks.
   * @param reason UpperCamelCase, as upstream: `SuccessfulCreate`, `FailedScheduling`
   */
  event(
    about:
      | Shared<KubeObject>
      | { apiVersion: string; kind: string; metadata: { namespace?: string; name: string; uid?: string } },
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
  ): void;
}
