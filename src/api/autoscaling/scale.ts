import type * as autoscaling from '../types/autoscaling-v1.ts';

/** The wanted and actual number of a workload's pods: the body of scale subresources. */
export type Scale = autoscaling.Scale;
