/** Compiled selectors, kept as long as the object that they came from. */
import type { Shared } from '../api/kind.ts';
import { type LabelMatcher, labelSelectorMatcher } from '../api/machinery/selectors.ts';
import type { LabelSelector } from '../api/types/meta-v1.ts';

const compiled = new WeakMap<object, LabelMatcher>();
const nothing = labelSelectorMatcher(undefined);

/** The matcher of a selector in a shared (never changing) object; without a selector it matches nothing. */
export function matcherOf(selector: Shared<LabelSelector> | undefined): LabelMatcher {
  if (!selector) return nothing;
  let matcher = compiled.get(selector);
  if (!matcher) {
    matcher = labelSelectorMatcher(selector);
    compiled.set(selector, matcher);
  }
  return matcher;
}
