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
  const status = mutableCopy(definition.status) as Status;
  const accepted: CustomResourceDefinitionNames = { ...status.acceptedNames };
  const inUse = (name: string) => `${JSON.stringify(name)} is already in use`;
  // Where several names are taken, the last one is told of.
  let conflict: { reason: string; message: string } | undefined;
  const settle = (name: 'plural' | 'singular' | 'kind' | 'listKind', reason: string, against: ReadonlySet<string>) => {
    const value = wanted[name];
    if (!value) return;
    if (against.has(value)) conflict = { reason, message: inUse(value) };
    else accepted[name] = value;
  };
  settle('plural', 'PluralConflict', taken.resources);
  settle('singular', 'SingularConflict', taken.resources);
  const short = (wanted.shortNames ?? []).filter((name) => taken.resources.has(name)).map(inUse);
  if (short.length)
    conflict = {
      reason: 'ShortNamesConflict',
      message: short.length > 1 ? `[${short.join(', ')}]` : short[0]!,
    };
  else if (wanted.shortNames?.length) accepted.shortNames = [...wanted.shortNames];
  else delete accepted.shortNames;
  settle('kind', 'KindConflict', taken.kinds);
  settle('listKind', 'ListKindConflict', taken.kinds);
  if (wanted.categories?.length) accepted.categories = [...wanted.categories];
  else delete accepted.categories;

  status.acceptedNames = accepted;
  let conditions = setCondition(status.conditions ?? [], now, {
    type: 'NamesAccepted',
    status: conflict ? 'False' : 'True',
    ...(conflict ?? { reason: 'NoConflicts', message: 'no conflicts found' }),
  });
  const wasEstablished = conditions.some((c) => c.type === 'Established' && c.status === 'True');
  if (!conflict)
    conditions = setCondition(conditions, now, {
      type: 'Established',
      status: 'True',
      reason: 'InitialNamesAccepted',
      message: 'the initial names have been accepted',
    });
  else if (!wasEstablished)
    conditions = setCondition(conditions, now, {
      type: 'Established',
      status: 'False',
      reason: 'NotAccepted',
      message: 'not all names are accepted',
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
