/** Label and field selectors of a request, for the kind that it asks for. */
import type { AnyKind, KubeObject, Shared } from '../../api/kind.ts';
import { parseFieldSelector, parseLabelSelector } from '../../api/machinery/selectors.ts';
import { badRequest, StatusError } from '../../api/machinery/status.ts';
import type { CallOptions } from './call-options.ts';

type Labels = Readonly<Record<string, string>> | undefined;
type Test = (object: Shared<KubeObject>) => boolean;

/** Which objects a list or watch is about; `matches` is undefined when all of the namespace are. */
export interface Selection {
  readonly matches: Test | undefined;
  /** The one name that can match. */
  readonly name: string | undefined;
  /** The one namespace that can match, from a field selector. */
  readonly namespace: string | undefined;
  /** Whether objects are told apart by more than their metadata: by what another version may have elsewhere. */
  readonly readsContent: boolean;
}

const everything: Selection = { matches: undefined, name: undefined, namespace: undefined, readsContent: false };

/** Throws 400 for what cannot be parsed and for fields that the kind cannot be selected by. */
export function parseSelection(kind: AnyKind, options: CallOptions): Selection {
  if (!options.labelSelector && !options.fieldSelector) return everything;
  const tests: Test[] = [];
  if (options.labelSelector) {
    const labels = parsing('labelSelector', options.labelSelector, () => parseLabelSelector(options.labelSelector!));
    if (!labels.everything) tests.push((object) => labels.matches(object.metadata.labels as Labels));
  }
  let name: string | undefined;
  let namespace: string | undefined;
  let readsContent = false;
  if (options.fieldSelector) {
    const fields = parsing('fieldSelector', options.fieldSelector, () => parseFieldSelector(options.fieldSelector!));
    for (const { field, operator, value } of fields.requirements) {
      const read = fieldReader(kind, field);
      if (!field.startsWith('metadata.')) readsContent = true;
      if (operator === '=') {
        tests.push((object) => read(object) === value);
        if (field === 'metadata.name') name = value;
        if (field === 'metadata.namespace') namespace = value;
      } else tests.push((object) => read(object) !== value);
    }
  }
  if (tests.length === 0) return everything;
  const only = tests[0]!;
  const matches: Test = tests.length === 1 ? only : (object) => tests.every((test) => test(object));
  return { matches, name, namespace, readsContent };
}

function parsing<R>(parameter: string, text: string, parse: () => R): R {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    throw badRequest(
      parameter === 'fieldSelector' && !error.message.startsWith('invalid')
        ? `invalid selector: '${text}'; ${error.message}`
        : error.message,
    );
  }
}

function fieldReader(kind: AnyKind, field: string): (object: Shared<KubeObject>) => string {
  if (field === 'metadata.name') return (object) => object.metadata.name;
  if (field === 'metadata.namespace' && kind.namespaced) return (object) => object.metadata.namespace ?? '';
  const labels = kind.fieldLabels;
  const own = labels && Object.hasOwn(labels, field) ? labels[field] : undefined;
  if (own) return own as (object: Shared<KubeObject>) => string;
  throw badRequest(
    labels && Object.keys(labels).length > 0
      ? `field label not supported: ${field}`
      : `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
  );
}
