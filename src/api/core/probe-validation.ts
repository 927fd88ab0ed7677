/** Validation of probes, life-cycle hooks and what both may do. */
import type { DeepReadonly } from '../../base/deep.ts';
import { child, type FieldError, forbidden, invalid, notSupported, required } from '../machinery/field-error.ts';
import { httpHeaderName, portName, portNumber } from '../machinery/names.ts';
import type { HTTPGetAction, Lifecycle, LifecycleHandler, Probe } from '../types/core-v1.ts';
import { invalidEach, validateNonNegative } from './field-rules.ts';

type Handler = DeepReadonly<LifecycleHandler & Pick<Probe, 'grpc'>>;

/** A port by number or by name. */
export function validatePort(port: number | string, path: string): FieldError[] {
  return invalidEach(path, port, typeof port === 'number' ? portNumber(port) : portName(port));
}

function validateHttpGet(action: DeepReadonly<HTTPGetAction>, path: string): FieldError[] {
  const errors = action.path ? [] : [required(child(path, 'path'))];
  errors.push(...validatePort(action.port, child(path, 'port')));
  if (action.scheme !== 'HTTP' && action.scheme !== 'HTTPS') {
    errors.push(notSupported(child(path, 'scheme'), action.scheme ?? '', ['HTTP', 'HTTPS']));
  }
  for (const { name } of action.httpHeaders ?? []) {
    errors.push(...invalidEach(child(path, 'httpHeaders'), name, httpHeaderName(name)));
  }
  return errors;
}

/** Exactly one thing to do, and that right. */
function validateHandler(handler: Handler, gracePeriodSeconds: number | undefined, path: string): FieldError[] {
  const errors: FieldError[] = [];
  let handlers = 0;
  const check = (name: string, present: boolean, validate: (path: string) => FieldError[]) => {
    if (!present) return;
    if (handlers++ > 0) errors.push(forbidden(child(path, name), 'may not specify more than 1 handler type'));
    else errors.push(...validate(child(path, name)));
  };
  const { exec, httpGet, tcpSocket, grpc, sleep } = handler;
  check('exec', exec !== undefined, (p) => (exec!.command?.length ? [] : [required(child(p, 'command'))]));
  check('httpGet', httpGet !== undefined, (p) => validateHttpGet(httpGet!, p));
  check('tcpSocket', tcpSocket !== undefined, (p) => validatePort(tcpSocket!.port, child(p, 'port')));
  check('grpc', grpc !== undefined, (p) => validatePort(grpc!.port, child(p, 'port')));
  check('sleep', sleep !== undefined, (p) =>
    gracePeriodSeconds !== undefined && (sleep!.seconds < 0 || sleep!.seconds > gracePeriodSeconds)
      ? [
          invalid(
            p,
            sleep!.seconds,
            `must be non-negative and less than terminationGracePeriodSeconds (${gracePeriodSeconds})`,
          ),
        ]
      : [],
  );
  if (handlers === 0) errors.push(required(path, 'must specify a handler type'));
  return errors;
}

/** A probe; liveness and startup probes succeed at once, readiness probes end nothing. */
export function validateProbe(
  probe: DeepReadonly<Probe> | undefined,
  type: 'liveness' | 'readiness' | 'startup',
  path: string,
): FieldError[] {
  if (!probe) return [];
  const errors = validateHandler(probe, undefined, path);
  for (const field of [
    'initialDelaySeconds',
    'timeoutSeconds',
    'periodSeconds',
    'successThreshold',
    'failureThreshold',
  ] as const) {
    errors.push(...validateNonNegative(probe[field], child(path, field)));
  }
  const grace = probe.terminationGracePeriodSeconds;
  const gracePath = child(path, 'terminationGracePeriodSeconds');
  if (grace !== undefined && grace <= 0) errors.push(invalid(gracePath, grace, 'must be greater than 0'));
  if (type === 'readiness') {
    if (grace !== undefined) errors.push(invalid(gracePath, grace, 'must not be set for readinessProbes'));
  } else if (probe.successThreshold !== 1) {
    errors.push(invalid(child(path, 'successThreshold'), probe.successThreshold ?? 0, 'must be 1'));
  }
  return errors;
}

/** The hooks after start and before stop, and the signal to stop with. */
export function validateLifecycle(
  lifecycle: DeepReadonly<Lifecycle> | undefined,
  path: string,
  { gracePeriodSeconds, os }: { gracePeriodSeconds: number | undefined; os: string | undefined },
): FieldError[] {
  if (!lifecycle) return [];
  const errors: FieldError[] = [];
  if (lifecycle.postStart) {
    errors.push(...validateHandler(lifecycle.postStart, gracePeriodSeconds, child(path, 'postStart')));
  }
  if (lifecycle.preStop) errors.push(...validateHandler(lifecycle.preStop, gracePeriodSeconds, child(path, 'preStop')));
  if (lifecycle.stopSignal) errors.push(...validateStopSignal(lifecycle.stopSignal, os, child(path, 'stopSignal')));
  return errors;
}

function validateStopSignal(signal: string, os: string | undefined, path: string): FieldError[] {
  if (!os) return [forbidden(path, 'may not be set for containers with empty `spec.os.name`')];
  if (os === 'windows' && signal !== 'SIGTERM' && signal !== 'SIGKILL') {
    return [notSupported(path, signal, ['SIGTERM', 'SIGKILL'])];
  }
  return [];
}
