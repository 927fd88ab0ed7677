/**
 * Every certificate of a bundle of authorities is trusted for itself, as Go has it: a bundle may hold an intermediate
 * authority alone. OpenSSL would go on to a root that is not there. For both sides of a connection.
 */
export const trustEachAuthority = { allowPartialTrustChain: true } as const;
