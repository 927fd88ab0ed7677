/** Quantities of devices, parsed once for each text: few distinct ones are in use. */
import { Quantity } from '../../api/machinery/quantity.ts';

const parsed = new Map<string, Quantity>();

export function quantityOf(text: string): Quantity {
  let quantity = parsed.get(text);
  if (!quantity) {
    quantity = Quantity.parse(text);
    if (parsed.size > 10_000) parsed.clear();
    parsed.set(text, quantity);
  }
  return quantity;
}
