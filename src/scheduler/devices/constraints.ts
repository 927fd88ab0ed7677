/** Constraints between the devices of a claim: which may be allocated together. */
import type { Shared } from '../../api/kind.ts';
import type { Device, DeviceAttribute, DeviceConstraint } from '../../api/types/resource-v1.ts';

/** Who a device is chosen for: the request's own name, and the alternative's where it has any. */
export interface RequestNames {
  readonly request: string;
  readonly alternative?: string;
}

/** Watches over the devices chosen so far. */
export interface Constraint {
  /** Whether the device may join the others; if so it counts from now on. */
  add(names: RequestNames, driver: string, device: Shared<Device>): boolean;
  /** Takes back the last device that was added. */
  removeLast(names: RequestNames): void;
}

/** The constraints of a claim. Throws for one of a sort that is not known. */
export function compileConstraints(
  constraints: readonly Shared<DeviceConstraint>[] | undefined,
  claimName: string,
): Constraint[] {
  return (constraints ?? []).map((constraint, i) => {
    const { matchAttribute, distinctAttribute } = constraint;
    if (matchAttribute !== undefined)
      return overAttribute(constraint, matchAttribute, (value, chosen) => chosen.every((other) => other === value));
    if (distinctAttribute !== undefined)
      return overAttribute(constraint, distinctAttribute, (value, chosen) => !chosen.includes(value));
    throw new Error(`claim ${claimName}, constraint #${i}: empty constraint (unsupported constraint type?)`);
  });
}

function overAttribute(
  { requests }: Shared<DeviceConstraint>,
  attribute: string,
  allows: (value: string, chosen: readonly string[]) => boolean,
): Constraint {
  const chosen: string[] = [];
  const isAbout = ({ request, alternative }: RequestNames) =>
    !requests?.length ||
    requests.includes(request) ||
    (alternative !== undefined && requests.includes(`${request}/${alternative}`));
  return {
    add(names, driver, device) {
      if (!isAbout(names)) return true;
      const value = attributeText(attribute, driver, device);
      if (value === undefined || !allows(value, chosen)) return false;
      chosen.push(value);
      return true;
    },
    removeLast(names) {
      if (isAbout(names)) chosen.pop();
    },
  };
}

/** An attribute with its type as a text that is equal for equal values; undefined when the device has none. */
function attributeText(name: string, driver: string, device: Shared<Device>): string | undefined {
  const attributes: Readonly<Record<string, Shared<DeviceAttribute>>> = device.attributes ?? {};
  const own = name.startsWith(`${driver}/`) ? name.slice(driver.length + 1) : undefined;
  const found = attributes[name] ?? (own === undefined ? undefined : attributes[own]);
  return found && JSON.stringify(found);
}
