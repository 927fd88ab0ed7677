/** Resource lists: quantities by resource name. */
import { Quantity } from '../machinery/quantity.ts';

export type ResourceList = Readonly<Record<string, string>>;

/** Rounds quantities finer than a thousandth up, in place, as upstream does on every write. */
export function roundResourceList(list: Record<string, string> | undefined): void {
  for (const name of Object.keys(list ?? {})) {
    const text = list![name]!;
    if (!/[nu]$|\.\d{4,}|[eE]-/.test(text)) continue;
    const quantity = Quantity.tryParse(text);
    if (quantity) list![name] = Quantity.parse(`${quantity.milliValue()}m`).toString();
  }
}

/** The sum of two lists. */
export function addResources(a: ResourceList, b: ResourceList | undefined): ResourceList {
  const sum: Record<string, string> = { ...a };
  for (const [name, value] of Object.entries(b ?? {})) {
    sum[name] = sum[name] === undefined ? value : Quantity.parse(sum[name]).add(Quantity.parse(value)).toString();
  }
  return sum;
}

/** For each resource the larger of both lists. */
export function maxResources(a: ResourceList, b: ResourceList | undefined): ResourceList {
  const max: Record<string, string> = { ...a };
  for (const [name, value] of Object.entries(b ?? {})) {
    if (max[name] === undefined || Quantity.parse(value).cmp(Quantity.parse(max[name])) > 0) max[name] = value;
  }
  return max;
}
