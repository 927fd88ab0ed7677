/** Which of a definition's names are free in its group, and the conditions that say so. */
import type { CustomResourceDefinition } from '../../api/apiextensions/custom-resource-definition.ts';
import type { Shared } from '../../api/kind.ts';
import type {
  CustomResourceDefinitionCondition,
  CustomResourceDefinitionNames,
} from '../../api/types/apiextensions-v1.ts';
import { mutableCopy } from '../../base/deep.ts';

type Definition = Shared<CustomResourceDefinition>;
type Status = CustomResourceDefinition['status'];

interface Taken {
  readonly resources: ReadonlySet<string>;
  readonly kinds: ReadonlySet<string>;
}

function takenBy(others: readonly Definition[]): Taken {
  const resources = new Set<string>();
  const kinds = new Set<string>();
  for (const { status } of others) {
    const { plural, singular, shortNames, kind, listKind } = status.acceptedNames;
    for (const name of [plural, singular, ...(shortNames ?? [])]) if (name) resources.add(name);
    for (const name of [kind, listKind]) if (name) kinds.add(name);
  }
  return { resources, kinds };
}

/** The status that a definition is to have, given the others of its group. */
export function acceptNames(definition: Definition, others: readonly Definition[], now: string): Status {
  const wanted = definition.spec.names;
  const taken = takenBy(others);
  const conflicts: { reason: string; message: string }[] = [];
  const status = mutableCopy(definition.status) as Status;
  const accepted: CustomResourceDefinitionNames = { ...status.acceptedNames };
  const settle = (name: 'plural' | 'singular' | 'kind' | 'listKind', reason: string, against: ReadonlySet<string>) => {
    const value = wanted[name];
    if (!value) return;
    if (against.has(value)) conflicts.push({ reason, message: `${JSON.stringify(value)} is already in use` });
    else accepted[name] = value;
  };
  settle('plural', 'PluralConflict', taken.resources);
  settle('singular', 'SingularConflict', taken.resources);
  const short = (wanted.shortNames ?? []).filter((name) => taken.resources.has(name));
  if (short.length)
    conflicts.push({
      reason: 'ShortNamesConflict',
      message: short.map((name) => `${JSON.stringify(name)} is already in use`).join(', '),
    });
  else if (wanted.shortNames?.length) accepted.shortNames = [...wanted.shortNames];
  else delete accepted.shortNames;
  settle('kind', 'KindConflict', taken.kinds);
  settle('listKind', 'ListKindConflict', taken.kinds);
  if (wanted.categories?.length) accepted.categories = [...wanted.categories];
  else delete accepted.categories;

  status.acceptedNames = accepted;
  const free = conflicts.length === 0;
  const [first] = conflicts;
  let conditions = status.conditions ?? [];
  conditions = setCondition(conditions, now, {
    type: 'NamesAccepted',
    status: free ? 'True' : 'False',
    reason: first?.reason ?? 'NoConflicts',
    message: first?.message ?? 'no conflicts found',
  });
  const wasEstablished = conditions.some((c) => c.type === 'Established' && c.status === 'True');
  if (free || !wasEstablished)
    conditions = setCondition(conditions, now, {
      type: 'Established',
      status: free ? 'True' : 'False',
      reason: free ? 'InitialNamesAccepted' : 'NotAccepted',
      message: free ? 'the initial names have been accepted' : 'not all names are accepted',
    });
  status.conditions = conditions;
  return status;
}

/** The conditions with one set; its time moves only with its status. */
export function setCondition(
  conditions: readonly CustomResourceDefinitionCondition[],
  now: string,
  next: { type: string; status: string; reason: string; message: string },
): CustomResourceDefinitionCondition[] {
  const before = conditions.find((condition) => condition.type === next.type);
  const made = {
    ...before,
    ...next,
    lastTransitionTime: before?.status === next.status ? before.lastTransitionTime! : now,
  };
  return before ? conditions.map((condition) => (condition === before ? made : condition)) : [...conditions, made];
}
