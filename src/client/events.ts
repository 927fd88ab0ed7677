/** Recording events about objects, aggregated and rate-limited as client-go does. (Interface; see event-recorder.ts.) */
import type { KubeObject, Shared } from '../api/kind.ts';

/** What an event can be about: an object, or as much of a reference as is known. */
export type EventSubject =
  | Shared<KubeObject>
  | { apiVersion: string; kind: string; metadata: { namespace?: string; name: string; uid?: string } };

export interface EventDetails {
  /** What was tried: `Binding`, `Scheduling`. The reason by default, where the event needs one. */
  readonly action?: string;
  readonly related?: EventSubject;
  /** The part of the object: `spec.containers{web}`. */
  readonly fieldPath?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface EventRecorder {
  /**
   * Records an event about an object; never throws, never blocks.
   * @param reason UpperCamelCase, as upstream: `SuccessfulCreate`, `FailedScheduling`
   */
  event(about: EventSubject, type: 'Normal' | 'Warning', reason: string, message: string, details?: EventDetails): void;
  /** Resolves once all that was recorded so far is written or given up; a recorder without it does not tell. */
  settled?(): Promise<void>;
}
