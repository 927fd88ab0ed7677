import { defineKind } from '../kind.ts';
import type * as core from '../types/core-v1.ts';
import { validateLimitRange } from './quota-validation.ts';
import { roundResourceList } from './resource-list.ts';

/** Bounds and defaults for what the objects of a namespace may ask for. */
export type LimitRange = core.LimitRange;

/** core/v1 LimitRange. */
export const LimitRange = defineKind<LimitRange>({
  group: '',
  version: 'v1',
  kind: 'LimitRange',
  plural: 'limitranges',
  shortNames: ['limits'],
  scope: 'Namespaced',
  schema: 'core/v1.LimitRange',
  defaults(range) {
    for (const item of range.spec.limits) {
      for (const list of [item.max, item.min, item.default, item.defaultRequest, item.maxLimitRequestRatio]) {
        roundResourceList(list);
      }
      if (item.type !== 'Container') continue;
      const limits = { ...item.max, ...item.default };
      const requests = { ...item.min, ...limits, ...item.defaultRequest };
      if (Object.keys(limits).length) item.default = limits;
      if (Object.keys(requests).length) item.defaultRequest = requests;
    }
  },
  validate: validateLimitRange,
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: true,
});
