/**
 * For who connects: every certificate of a bundle of authorities is trusted for itself, as Go has it, so that a bundle may
 * hold an intermediate authority alone. OpenSSL would go on to a root that is not there. (Servers of Node.js leave this
 * option out: they ask certificate-check.ts.)
 */
export const trustEachAuthority = { allowPartialTrustChain: true } as const;
