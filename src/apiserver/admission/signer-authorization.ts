/** Who may act for a signer: the verb on `signers` by its full name or by its domain with a star. */
import type { Authorizer } from '../authz/authorizer.ts';
import type { UserInfo } from '../user.ts';

/** Whether the user may approve, sign or attest for a signer (`example.com/name`). */
export async function mayActForSigner(
  authorizer: Authorizer,
  user: UserInfo,
  about: { verb: 'approve' | 'sign' | 'attest'; signerName: string },
): Promise<boolean> {
  const domain = about.signerName.split('/')[0];
  for (const name of [about.signerName, `${domain}/*`]) {
    const { decision } = await authorizer.authorize({
      user,
      verb: about.verb,
      resourceRequest: true,
      group: 'certificates.k8s.io',
      version: '*',
      resource: 'signers',
      name,
    });
    if (decision === 'Allow') return true;
  }
  return false;
}
