/** StatusError: the only error that crosses the wire, with upstream's reasons, codes and wording (apimachinery api/errors). */
import { type FieldError, fieldErrorBody, fieldErrorMessage } from './field-error.ts';

export type StatusReason =
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Gone'
  | 'Invalid'
  | 'ServerTimeout'
  | 'StoreReadError'
  | 'Timeout'
  | 'TooManyRequests'
  | 'BadRequest'
  | 'MethodNotAllowed'
  | 'NotAcceptable'
  | 'RequestEntityTooLarge'
  | 'UnsupportedMediaType'
  | 'InternalError'
  | 'Expired'
  | 'ServiceUnavailable'
  | 'Unknown';

/** The HTTP code of each reason. */
export const statusCodes: Readonly<Record<StatusReason, number>> = {
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Invalid: 422,
  ServerTimeout: 500,
  StoreReadError: 500,
  Timeout: 504,
  TooManyRequests: 429,
  BadRequest: 400,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  InternalError: 500,
  Expired: 410,
  ServiceUnavailable: 503,
  Unknown: 500,
};

export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  /** The resource (or kind, for Invalid) the error is about. */
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

/** metav1.Status as it goes over the wire. */
export interface Status {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: Record<string, never>;
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: StatusReason;
  readonly details?: StatusDetails;
  readonly code?: number;
}

/** An error that is answered to the client as a Status. */
export class StatusError extends Error {
  readonly reason: StatusReason;
  readonly code: number;
  readonly details: StatusDetails | undefined;

  constructor(reason: StatusReason, message: string, details?: StatusDetails, code?: number) {
    super(message);
    this.name = 'StatusError';
    this.reason = reason;
    this.details = details;
    this.code = code ?? statusCodes[reason];
  }

  toStatus(): Status {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      ...(this.reason === 'Unknown' ? {} : { reason: this.reason }),
      ...(this.details ? { details: this.details } : {}),
      code: this.code,
    };
  }

  /** The error that a Status received from a server stands for. */
  static fromStatus(status: Partial<Status>, httpCode?: number): StatusError {
    return new StatusError(
      status.reason ?? 'Unknown',
      status.message ?? 'unknown error',
      status.details,
      status.code ?? httpCode,
    );
  }
}

interface ResourceRef {
  readonly group: string;
  readonly plural: string;
}

const qualified = (r: ResourceRef) => (r.group ? `${r.plural}.${r.group}` : r.plural);
const detailsOf = (r: ResourceRef, name: string): StatusDetails => ({
  ...(name ? { name } : {}),
  ...(r.group ? { group: r.group } : {}),
  kind: r.plural,
});

export const notFound = (resource: ResourceRef, name: string): StatusError =>
  new StatusError('NotFound', `${qualified(resource)} ${JSON.stringify(name)} not found`, detailsOf(resource, name));

export const alreadyExists = (resource: ResourceRef, name: string): StatusError =>
  new StatusError(
    'AlreadyExists',
    `${qualified(resource)} ${JSON.stringify(name)} already exists`,
    detailsOf(resource, name),
  );

export const conflict = (resource: ResourceRef, name: string, why: string): StatusError =>
  new StatusError(
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(resource)} ${JSON.stringify(name)}: ${why}`,
    detailsOf(resource, name),
  );

/** The wording of a lost optimistic-concurrency race. */
export const modifiedMessage =
  'the object has been modified; please apply your changes to the latest version and try again';

export const forbiddenError = (resource: ResourceRef, name: string, why: string): StatusError =>
  new StatusError(
    'Forbidden',
    name
      ? `${qualified(resource)} ${JSON.stringify(name)} is forbidden: ${why}`
      : `${qualified(resource)} is forbidden: ${why}`,
    detailsOf(resource, name),
  );

export const badRequest = (message: string): StatusError => new StatusError('BadRequest', message);
export const unauthorized = (message = 'Unauthorized'): StatusError => new StatusError('Unauthorized', message);
export const internalError = (message: string): StatusError =>
  new StatusError('InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] });
export const expired = (message: string): StatusError => new StatusError('Expired', message);
export const serviceUnavailable = (message: string): StatusError => new StatusError('ServiceUnavailable', message);
export const tooManyRequests = (message: string, retryAfterSeconds: number): StatusError =>
  new StatusError('TooManyRequests', message, { retryAfterSeconds });
export const methodNotSupported = (resource: ResourceRef, action: string): StatusError =>
  new StatusError(
    'MethodNotAllowed',
    `${action} is not supported on resources of kind ${JSON.stringify(qualified(resource))}`,
    detailsOf(resource, ''),
  );

/** 422 with one cause per field error; `kind` is the kind's name, as upstream has it here. */
export function invalidObject(
  kind: { group: string; kind: string },
  name: string,
  errors: readonly FieldError[],
): StatusError {
  const messages = [...new Set(errors.map(fieldErrorMessage))];
  const text = messages.length === 1 ? messages[0] : `[${messages.join(', ')}]`;
  const subject = kind.group ? `${kind.kind}.${kind.group}` : kind.kind;
  return new StatusError(
    'Invalid',
    errors.length
      ? `${subject} ${JSON.stringify(name)} is invalid: ${text}`
      : `${subject} ${JSON.stringify(name)} is invalid`,
    {
      name,
      ...(kind.group ? { group: kind.group } : {}),
      kind: kind.kind,
      causes: errors.map((e) => ({ reason: e.type, message: fieldErrorBody(e), field: e.path })),
    },
  );
}

const hasReason =
  (reason: StatusReason) =>
  (error: unknown): error is StatusError =>
    error instanceof StatusError && error.reason === reason;

export const isNotFound = hasReason('NotFound');
export const isAlreadyExists = hasReason('AlreadyExists');
export const isConflict = hasReason('Conflict');
export const isInvalid = hasReason('Invalid');
export const isTooManyRequests = hasReason('TooManyRequests');
/** 410 of either wording: the revision asked for is too old. */
export const isExpired = (error: unknown): error is StatusError =>
  error instanceof StatusError && (error.reason === 'Expired' || error.reason === 'Gone');
