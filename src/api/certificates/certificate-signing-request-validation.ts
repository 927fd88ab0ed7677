/** Validation of certificate signing requests. */
import type { DeepReadonly } from '../../base/deep.ts';
import { invalidEach } from '../core/field-rules.ts';
import {
  at,
  child,
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  required,
} from '../machinery/field-error.ts';
import { dns1123Subdomain } from '../machinery/names.ts';
import type { CertificateSigningRequest } from '../types/certificates-v1.ts';

type Request = DeepReadonly<CertificateSigningRequest>;

const usages = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
];

/** A request: PEM, a signer, and what the certificate is for. */
export function validateCertificateSigningRequest({ spec }: Request): FieldError[] {
  const errors: FieldError[] = [];
  const pem = Buffer.from(spec.request, 'base64').toString();
  if (!/-----BEGIN CERTIFICATE REQUEST-----[\s\S]+-----END CERTIFICATE REQUEST-----/.test(pem)) {
    errors.push(invalid('spec.request', spec.request, 'PEM block type must be CERTIFICATE REQUEST'));
  }
  const list = spec.usages ?? [];
  if (!list.length) errors.push(required('spec.usages'));
  for (const [i, usage] of list.entries()) {
    if (!usages.includes(usage)) errors.push(notSupported(at('spec.usages', i), usage, usages));
    if (list.indexOf(usage) < i) errors.push(duplicate(at('spec.usages', i), usage));
  }
  if (spec.signerName === 'kubernetes.io/legacy-unknown') {
    const detail = 'this legacy signerName is not allowed via this API version';
    errors.push(invalid('spec.signerName', spec.signerName, detail));
  } else errors.push(...validateSignerName(spec.signerName, 'spec.signerName'));
  if (spec.expirationSeconds !== undefined && spec.expirationSeconds < 600) {
    const detail = 'may not specify a duration less than 600 seconds (10 minutes)';
    errors.push(invalid('spec.expirationSeconds', spec.expirationSeconds, detail));
  }
  return errors;
}

/** `example.com/signer-name`: a domain of at least two labels and a path. */
export function validateSignerName(name: string, path: string): FieldError[] {
  if (!name) return [required(path)];
  const [domain, ...rest] = name.split('/') as [string, ...string[]];
  if (rest.length !== 1) {
    const detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
    return [invalid(path, name, detail)];
  }
  const errors = invalidEach(path, domain, dns1123Subdomain(domain)).map((e) => ({
    ...e,
    detail: `validating label ${JSON.stringify(domain)}: ${e.detail}`,
  }));
  if (!domain.includes('.')) {
    errors.push(invalid(path, domain, 'should be a domain with at least two segments separated by dots'));
  }
  const signer = rest[0]!;
  return [...errors, ...invalidEach(path, signer, dns1123Subdomain(signer))];
}

type Conditions = NonNullable<Request['status']['conditions']>;

function validateConditions(conditions: Conditions): FieldError[] {
  const path = 'status.conditions';
  const seen = new Set<string>();
  const errors: FieldError[] = [];
  for (const [i, { type, status }] of conditions.entries()) {
    const itemPath = at(path, i);
    if (!type) errors.push(required(child(itemPath, 'type')));
    if (!status) errors.push(required(child(itemPath, 'status')));
    else if (!['False', 'True', 'Unknown'].includes(status)) {
      errors.push(notSupported(child(itemPath, 'status'), status, ['False', 'True', 'Unknown']));
    } else if (['Approved', 'Denied', 'Failed'].includes(type) && status !== 'True') {
      errors.push(notSupported(child(itemPath, 'status'), status, ['True']));
    }
    if ((type === 'Approved' && seen.has('Denied')) || (type === 'Denied' && seen.has('Approved'))) {
      errors.push(invalid(child(itemPath, 'type'), type, 'Approved and Denied conditions are mutually exclusive'));
    }
    if (seen.has(type)) errors.push(duplicate(child(itemPath, 'type'), type));
    seen.add(type);
  }
  return errors;
}

/** The approval subresource decides once; it may not take a decision back. */
export function validateApprovalUpdate(request: Request, old: Request): FieldError[] {
  return [
    ...validateConditions(request.status.conditions ?? []),
    ...keepConditions(request, old, ['Approved', 'Denied', 'Failed']),
  ];
}

/** The status subresource issues; it decides nothing. */
export function validateCertificateStatusUpdate(request: Request, old: Request): FieldError[] {
  const errors = validateConditions(request.status.conditions ?? []);
  errors.push(...keepConditions(request, old, ['Approved', 'Denied', 'Failed']));
  for (const type of ['Approved', 'Denied']) {
    const has = ({ status }: Request) => (status.conditions ?? []).some((c) => c.type === type);
    if (has(request) && !has(old)) {
      errors.push(forbidden('status.conditions', `updates may not add a condition of type ${JSON.stringify(type)}`));
    }
  }
  const { certificate } = request.status;
  if (old.status.certificate && certificate !== old.status.certificate) {
    errors.push(forbidden('status.certificate', 'updates may not modify existing certificate content'));
  } else if (certificate && !old.status.certificate) {
    const pem = Buffer.from(certificate, 'base64').toString();
    if (!pem.includes('-----BEGIN CERTIFICATE-----')) {
      const detail = 'must contain one or more PEM blocks';
      errors.push(invalid('status.certificate', '<certificate data>', detail));
    }
  }
  return errors;
}

function keepConditions(request: Request, old: Request, types: readonly string[]): FieldError[] {
  const has = ({ status }: Request, type: string) => (status.conditions ?? []).some((c) => c.type === type);
  return types
    .filter((type) => has(old, type) && !has(request, type))
    .map((type) =>
      forbidden('status.conditions', `updates may not remove a condition of type ${JSON.stringify(type)}`),
    );
}
