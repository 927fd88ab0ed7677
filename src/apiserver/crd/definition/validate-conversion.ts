/** How a definition converts between its versions; errors have the paths of upstream's internal version. */
import { X509Certificate } from 'node:crypto';
import { validateClientConfig } from '../../../api/admissionregistration/webhook-client-validation.ts';
import {
  at,
  child,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  required,
} from '../../../api/machinery/field-error.ts';
import { dns1035Label } from '../../../api/machinery/names.ts';
import type { CustomResourceConversion } from '../../../api/types/apiextensions-v1.ts';
import type { DeepReadonly } from '../../../base/deep.ts';

type Conversion = DeepReadonly<CustomResourceConversion>;

const path = 'spec.conversion';
const configPath = child(path, 'webhookClientConfig');
const reviewsPath = child(path, 'conversionReviewVersions');
const reviewVersions = ['v1', 'v1beta1'];

/** What an update need not be better at than what is stored. */
interface Demands {
  readonly readableBundle: boolean;
  readonly acceptedReviews: boolean;
}

export function validateConversion({ strategy, webhook }: Conversion, demands: Demands): FieldError[] {
  const errors: FieldError[] = [];
  if (!strategy) errors.push(required(child(path, 'strategy')));
  else if (strategy !== 'None' && strategy !== 'Webhook')
    errors.push(notSupported(child(path, 'strategy'), strategy, ['None', 'Webhook']));
  const { clientConfig, conversionReviewVersions = [] } = webhook ?? {};
  if (strategy !== 'Webhook') {
    const why = 'should not be set when strategy is not set to Webhook';
    if (clientConfig) errors.push(forbidden(configPath, why));
    if (conversionReviewVersions.length) errors.push(forbidden(reviewsPath, why));
    return errors;
  }
  if (!clientConfig) errors.push(required(configPath, 'required when strategy is set to Webhook'));
  else {
    errors.push(...validateClientConfig(clientConfig, configPath));
    if (clientConfig.caBundle && demands.readableBundle && !isReadable(clientConfig.caBundle))
      errors.push(
        invalid(
          child(configPath, 'caBundle'),
          clientConfig.caBundle,
          'unable to load root certificates: unable to parse bytes as PEM block',
        ),
      );
  }
  return [...errors, ...validateReviews(conversionReviewVersions, demands.acceptedReviews)];
}

function validateReviews(versions: readonly string[], mustBeAccepted: boolean): FieldError[] {
  if (versions.length === 0) return [required(reviewsPath)];
  const errors: FieldError[] = [];
  for (const [i, version] of versions.entries()) {
    if (versions.indexOf(version) !== i) errors.push(invalid(at(reviewsPath, i), version, 'duplicate version'));
    else for (const problem of dns1035Label(version)) errors.push(invalid(at(reviewsPath, i), version, problem));
  }
  if (mustBeAccepted && !versions.some((version) => reviewVersions.includes(version)))
    errors.push(invalid(reviewsPath, versions, `must include at least one of ${reviewVersions.join(', ')}`));
  return errors;
}

/** Whether a stored conversion can be asked with a review that this server knows, or asks for none. */
export function acceptsReviews(conversion: Conversion | undefined): boolean {
  const versions = conversion?.webhook?.conversionReviewVersions ?? [];
  return versions.length === 0 || versions.some((version) => reviewVersions.includes(version));
}

/** Whether a stored conversion has certificates that cannot be read. */
export function hasUnreadableBundle(conversion: Conversion | undefined): boolean {
  const bundle = conversion?.webhook?.clientConfig?.caBundle;
  return Boolean(bundle) && !isReadable(bundle!);
}

/** Whether base64 holds certificates in PEM, all of them right. */
function isReadable(base64: string): boolean {
  const blocks = Buffer.from(base64, 'base64')
    .toString()
    .match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g);
  try {
    return Boolean(blocks?.every((block) => new X509Certificate(block)));
  } catch {
    return false;
  }
}
