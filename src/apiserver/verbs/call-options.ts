/** Query parameters: ListOptions, GetOptions, CreateOptions, PatchOptions, UpdateOptions and DeleteOptions of meta/v1. */
import { type FieldError, forbidden, invalid, notSupported } from '../../api/machinery/field-error.ts';
import { badRequest, invalidObject, type StatusError } from '../../api/machinery/status.ts';

export interface CallOptions {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly watch?: boolean;
  readonly timeoutSeconds?: number;
  readonly allowWatchBookmarks?: boolean;
  readonly sendInitialEvents?: boolean;
  readonly dryRun?: string | readonly string[];
  readonly fieldManager?: string;
  readonly fieldValidation?: string;
  readonly force?: boolean;
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: string;
  readonly orphanDependents?: boolean;
  readonly ignoreStoreReadErrorWithClusterBreakingPotential?: boolean;
  readonly includeObject?: string;
  readonly pretty?: boolean;
}

const none: CallOptions = Object.freeze({});

type Parser = (text: string, all: readonly string[]) => unknown;
const text: Parser = (value) => value;
const integer: Parser = (value) => {
  if (!/^[+-]?\d{1,18}$/.test(value))
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
  return Number(value);
};
/** As upstream converts query booleans: only `false` and `0` are false. */
const flag: Parser = (value) => value.toLowerCase() !== 'false' && value !== '0';

const parsers: Readonly<Record<keyof CallOptions, Parser>> = {
  labelSelector: text,
  fieldSelector: text,
  resourceVersion: text,
  resourceVersionMatch: text,
  limit: integer,
  continue: text,
  watch: flag,
  timeoutSeconds: integer,
  allowWatchBookmarks: flag,
  sendInitialEvents: flag,
  dryRun: (_, all) => all,
  fieldManager: text,
  fieldValidation: text,
  force: flag,
  gracePeriodSeconds: integer,
  propagationPolicy: text,
  orphanDependents: flag,
  ignoreStoreReadErrorWithClusterBreakingPotential: flag,
  includeObject: text,
  pretty: flag,
};

/** The options of a query string (without its question mark); parameters that no option has are ignored. */
export function parseCallOptions(query: string): CallOptions {
  if (query === '') return none;
  const params = new URLSearchParams(query);
  const options: Record<string, unknown> = {};
  for (const name of new Set(params.keys())) {
    const parse = Object.hasOwn(parsers, name) ? parsers[name as keyof CallOptions] : undefined;
    if (!parse) continue;
    const all = params.getAll(name);
    if (all[0] === '' && parse !== flag && name !== 'dryRun') continue;
    options[name] = parse(all[0]!, all);
  }
  return options;
}

const optionsInvalid = (kind: string, errors: readonly FieldError[]): StatusError =>
  invalidObject({ group: 'meta.k8s.io', kind }, '', errors);

/** Whether the request must not change anything; throws 422 for a value that is not `All`. */
export function isDryRun(options: CallOptions, kind = 'CreateOptions'): boolean {
  if (options.dryRun === undefined) return false;
  const values = typeof options.dryRun === 'string' ? [options.dryRun] : options.dryRun;
  const bad = values.find((value) => value !== 'All');
  if (bad !== undefined) throw optionsInvalid(kind, [notSupported('dryRun', values, ['All'])]);
  return values.length > 0;
}

/** Checks fieldManager and fieldValidation; throws 422. */
export function checkWriteOptions(options: CallOptions, kind: string, apply = false): void {
  const errors: FieldError[] = [];
  const { fieldManager, fieldValidation } = options;
  if (apply && !fieldManager)
    errors.push({ type: 'FieldValueRequired', path: 'fieldManager', value: '', detail: 'is required for apply patch' });
  if (!apply && kind === 'PatchOptions' && options.force !== undefined)
    errors.push(forbidden('force', 'may not be specified for non-apply patch'));
  if (fieldManager !== undefined) {
    if (Buffer.byteLength(fieldManager) > 128)
      errors.push({
        type: 'FieldValueTooLong',
        path: 'fieldManager',
        value: '',
        detail: 'may not be more than 128 bytes',
      });
    if (/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(fieldManager))
      errors.push(invalid('fieldManager', fieldManager, 'should only contain printable characters'));
  }
  if (fieldValidation !== undefined && !['Ignore', 'Warn', 'Strict'].includes(fieldValidation))
    errors.push(notSupported('fieldValidation', fieldValidation, ['', 'Ignore', 'Strict', 'Warn']));
  if (errors.length) throw optionsInvalid(kind, errors);
  isDryRun(options, kind);
}

/** Checks the combinations of list options; throws 422 worded as upstream. */
export function checkListOptions(options: CallOptions): void {
  const { resourceVersionMatch: match, resourceVersion, sendInitialEvents } = options;
  if (match === undefined && sendInitialEvents === undefined) return;
  const errors: FieldError[] = [];
  if (match !== undefined) {
    if (!resourceVersion)
      errors.push(
        forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided'),
      );
    if (options.continue)
      errors.push(forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided'));
    if (match !== 'Exact' && match !== 'NotOlderThan')
      errors.push(notSupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan', '']));
    if (match === 'Exact' && resourceVersion === '0')
      errors.push(
        forbidden('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'),
      );
  }
  if (sendInitialEvents !== undefined)
    errors.push(forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  if (errors.length) throw optionsInvalid('ListOptions', errors);
}

/** The same for watch. */
export function checkWatchOptions(options: CallOptions): void {
  const { resourceVersionMatch: match, sendInitialEvents } = options;
  if (match === undefined && sendInitialEvents === undefined) return;
  const errors: FieldError[] = [];
  if (sendInitialEvents !== undefined && match !== 'NotOlderThan')
    errors.push(
      forbidden('resourceVersionMatch', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'),
    );
  if (match !== undefined) {
    if (sendInitialEvents === undefined)
      errors.push(
        forbidden(
          'resourceVersionMatch',
          'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
        ),
      );
    if (match !== 'NotOlderThan') errors.push(notSupported('resourceVersionMatch', match, ['NotOlderThan']));
    if (options.continue)
      errors.push(forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided'));
  }
  if (errors.length) throw optionsInvalid('ListOptions', errors);
}

/** The revision of a resourceVersion; throws 400 as upstream words it. */
export function parseRevision(resourceVersion: string | undefined): number {
  if (!resourceVersion) return 0;
  if (!/^\d{1,19}$/.test(resourceVersion))
    throw invalidObject({ group: '', kind: '' }, '', [
      invalid(
        'resourceVersion',
        resourceVersion,
        `strconv.ParseUint: parsing ${JSON.stringify(resourceVersion)}: invalid syntax`,
      ),
    ]);
  return Number(resourceVersion);
}

export { optionsInvalid };
