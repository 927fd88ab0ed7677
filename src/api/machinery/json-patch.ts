/** JSON Patch (RFC 6902), with the API server's limit of operations and the messages of its library (evanphx/json-patch). */
import { deepEqual } from '../../base/deep.ts';
import { setOwn } from './parse-json.ts';
import { copyJson, shown } from './scalars.ts';
import { badRequest, StatusError } from './status.ts';

const maxOperations = 10_000;
/** What copies may add up to: a chain of them doubles the document each time. */
const maxCopiedBytes = 3 * 1024 * 1024;

type Container = Record<string, unknown> | unknown[];
type Operation = Readonly<Record<string, unknown>> & { readonly op: string };

/** A patch that is well-formed and does not apply: 422, with the reason as a cause, as upstream answers. */
function doesNotApply(message: string): StatusError {
  return new StatusError('Invalid', 'the server rejected our request due to an error in our request', {
    causes: [{ reason: 'UnexpectedServerResponse', message }],
  });
}

/** The document with the operations applied in order; neither is changed. Throws StatusError when one does not apply. */
export function applyJsonPatch(document: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) {
    const found = patch === null ? 'null' : typeof patch;
    throw badRequest(`json: cannot unmarshal ${found} into Go value of type jsonpatch.Patch`);
  }
  if (patch.length > maxOperations) {
    throw new StatusError(
      'RequestEntityTooLarge',
      `Request entity is too large: The allowed maximum operations in a JSON patch is ${maxOperations}, got ${patch.length}`,
    );
  }
  const root = { document: copyJson(document), copied: 0 };
  for (const operation of patch) {
    if (typeof operation !== 'object' || operation === null || Array.isArray(operation)) {
      throw badRequest(`json: cannot unmarshal ${typeof operation} into Go value of type jsonpatch.Operation`);
    }
    applyOperation(root, operation as Operation);
  }
  return root.document;
}

interface Root {
  document: unknown;
  copied: number;
}

function applyOperation(root: Root, operation: Operation): void {
  const { op } = operation;
  const path = pointer(operation, 'path');
  switch (op) {
    case 'add':
      add(root, path, operand(operation), op);
      return;
    case 'remove':
      remove(root, path, op);
      return;
    case 'replace':
      replace(root, path, operand(operation));
      return;
    case 'test':
      if (!deepEqual(find(root, path) ?? null, operation['value'] ?? null)) {
        throw doesNotApply(`testing value ${path} failed: test failed`);
      }
      return;
    case 'move': {
      const from = pointer(operation, 'from');
      if (path.startsWith(`${from}/`)) throw doesNotApply(`move operation does not apply: ${path} is inside ${from}`);
      add(root, path, remove(root, from, op), op);
      return;
    }
    case 'copy': {
      const value = find(root, pointer(operation, 'from'));
      if (value === undefined) {
        throw doesNotApply(
          `copy operation does not apply: doc is missing from path: ${operation['from']}: missing value`,
        );
      }
      root.copied += JSON.stringify(value).length;
      if (root.copied > maxCopiedBytes) {
        throw doesNotApply(
          `Unable to copy, the accumulated size increase of copy is ${root.copied}, exceeding the limit ${maxCopiedBytes}`,
        );
      }
      add(root, path, copyJson(value), op);
      return;
    }
    default:
      throw doesNotApply(`Unexpected kind: ${shown(op ?? 'unknown')}`);
  }
}

function pointer(operation: Operation, name: 'path' | 'from'): string {
  const value = operation[name];
  if (typeof value === 'string' && (value === '' || value.startsWith('/'))) return value;
  throw doesNotApply(
    `${shown(operation.op)} operation does not apply: ${name} ${JSON.stringify(value)} is not a JSON pointer`,
  );
}

function operand(operation: Operation): unknown {
  if (!Object.hasOwn(operation, 'value')) {
    throw doesNotApply(`${operation.op} operation does not apply: it has no value: missing value`);
  }
  return copyJson(operation['value']);
}

const decodeToken = (token: string) => token.replaceAll('~1', '/').replaceAll('~0', '~');

const isContainer = (value: unknown): value is Container => typeof value === 'object' && value !== null;

/** The container that holds the last token of a path, and that token; undefined when there is none. */
function locate(root: Root, path: string): { parent: Container; key: string } | undefined {
  const tokens = path.split('/').slice(1).map(decodeToken);
  const key = tokens.pop();
  if (key === undefined) return undefined;
  let at = root.document;
  for (const token of tokens) {
    if (!isContainer(at)) return undefined;
    at = child(at, token);
  }
  return isContainer(at) ? { parent: at, key } : undefined;
}

function child(container: Container, token: string): unknown {
  if (Array.isArray(container)) {
    const index = indexOf(token, container.length);
    return index === undefined ? undefined : container[index];
  }
  return Object.hasOwn(container, token) ? container[token] : undefined;
}

/** An index into a list of `length`; negative ones count from its end. */
function indexOf(token: string, length: number): number | undefined {
  if (!/^(?:0|-?[1-9][0-9]*)$/.test(token)) return undefined;
  const index = Number(token) < 0 ? length + Number(token) : Number(token);
  return index >= 0 && index < length ? index : undefined;
}

function find(root: Root, path: string): unknown {
  if (path === '') return root.document;
  const place = locate(root, path);
  return place && child(place.parent, place.key);
}

function add(root: Root, path: string, value: unknown, op: string): void {
  if (path === '') {
    root.document = value;
    return;
  }
  const place = locate(root, path);
  if (!place) throw doesNotApply(`${op} operation does not apply: doc is missing path: "${path}": missing value`);
  const { parent, key } = place;
  if (!Array.isArray(parent)) {
    setOwn(parent, key, value);
    return;
  }
  const index = key === '-' ? parent.length : indexOf(key, parent.length + 1);
  if (index === undefined) {
    throw doesNotApply(
      `error in ${op} for path: '${path}': Unable to access invalid index: ${key}: invalid index referenced`,
    );
  }
  parent.splice(index, 0, value);
}

function remove(root: Root, path: string, op: string): unknown {
  const place = locate(root, path);
  if (!place) throw doesNotApply(`${op} operation does not apply: doc is missing path: "${path}": missing value`);
  const { parent, key } = place;
  if (Array.isArray(parent)) {
    const index = indexOf(key, parent.length);
    if (index === undefined) {
      throw doesNotApply(
        `error in ${op} for path: '${path}': Unable to access invalid index: ${key}: invalid index referenced`,
      );
    }
    return parent.splice(index, 1)[0];
  }
  if (!Object.hasOwn(parent, key)) {
    throw doesNotApply(`error in ${op} for path: '${path}': Unable to remove nonexistent key: ${key}: missing value`);
  }
  const removed = parent[key];
  delete parent[key];
  return removed;
}

function replace(root: Root, path: string, value: unknown): void {
  if (path === '') {
    root.document = value;
    return;
  }
  const place = locate(root, path);
  if (!place) throw doesNotApply(`replace operation does not apply: doc is missing path: ${path}: missing value`);
  const { parent, key } = place;
  if (child(parent, key) === undefined) {
    throw doesNotApply(`replace operation does not apply: doc is missing key: ${path}: missing value`);
  }
  if (Array.isArray(parent)) parent[indexOf(key, parent.length)!] = value;
  else setOwn(parent, key, value);
}
