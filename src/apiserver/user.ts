/** Who makes a request. */
export interface UserInfo {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export const anonymousUser: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/** The user that the API server's own loop-back requests are made as. */
export const loopbackUser: UserInfo = { name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] };

/** The user of an in-process role, with everything allowed that its ClusterRole allows: `system:kube-scheduler`, … */
export const roleUser = (name: string, groups: readonly string[] = []): UserInfo => ({
  name,
  groups: [...groups, 'system:authenticated'],
});
