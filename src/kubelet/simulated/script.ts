/** What a simulated pod does with its life, by annotations under `sim.timonel.dev/`. */
import type { Shared } from '../../api/kind.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { parseDuration } from '../../base/duration.ts';

/** Durations are milliseconds. */
export interface PodScript {
  /** From being accepted to the containers running; 0. */
  readonly startDelayMs: number;
  /** How long each init container takes; 0. */
  readonly initDurationMs: number;
  /** How long the containers run; undefined: until they are stopped. */
  readonly runDurationMs: number | undefined;
  /** Exit codes of one run after the other; the last one repeats. */
  readonly exitCodes: readonly number[];
  /** Exit code of the init containers. */
  readonly initExitCode: number;
  readonly ready: boolean;
  /** From running to ready; 0. */
  readonly readyDelayMs: number;
  /** From being asked to stop to having stopped, within the grace period; 0. */
  readonly stopDelayMs: number;
}

const prefix = 'sim.timonel.dev/';
/** A Job's pod without a script runs this long: it is meant to end. */
const jobRunMs = 1000;

const scripts = new WeakMap<object, PodScript>();

/** The script of a pod; what is not annotated, or cannot be read, is as for a pod that starts at once and runs for ever. */
export function podScript(pod: Shared<Pod>): PodScript {
  let script = scripts.get(pod);
  if (!script) {
    script = readScript(pod);
    scripts.set(pod, script);
  }
  return script;
}

function readScript({ metadata }: Shared<Pod>): PodScript {
  const annotation = (name: string) => metadata.annotations?.[prefix + name];
  const duration = (name: string) => parseDuration(annotation(name) ?? '');
  const index = metadata.annotations?.['batch.kubernetes.io/job-completion-index'];
  const fails = index !== undefined && (annotation('fail-indexes') ?? '').split(',').includes(index);
  const codes = (fails ? '1' : (annotation('exit-codes') ?? annotation('exit-code') ?? '0'))
    .split(',')
    .map((code) => Number(code.trim()) || 0);
  const ofJob = metadata.ownerReferences?.some((owner) => owner.kind === 'Job' && owner.controller) ?? false;
  return {
    startDelayMs: duration('start-delay') ?? 0,
    initDurationMs: duration('init-duration') ?? 0,
    runDurationMs:
      duration('run-duration') ?? (ofJob || annotation('exit-codes') || annotation('exit-code') ? jobRunMs : undefined),
    exitCodes: codes,
    initExitCode: Number(annotation('init-exit-code')) || 0,
    ready: annotation('ready') !== 'false',
    readyDelayMs: duration('ready-delay') ?? 0,
    stopDelayMs: duration('stop-delay') ?? 0,
  };
}
