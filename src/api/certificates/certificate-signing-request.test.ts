import { describe, expect, it } from 'vitest';
import { admitted, cells, createProblems } from '../admitted.ts';
import type { Shared } from '../kind.ts';
import { fieldErrorMessage } from '../machinery/field-error.ts';
import { CertificateSigningRequest } from './certificate-signing-request.ts';
import { validateApprovalUpdate, validateCertificateStatusUpdate } from './certificate-signing-request-validation.ts';

const pem = '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n';
const request = (more: object = {}) =>
  admitted(CertificateSigningRequest, {
    spec: {
      request: Buffer.from(pem).toString('base64'),
      signerName: 'example.com/s',
      usages: ['client auth'],
      ...more,
    },
  });
const shared = (r: CertificateSigningRequest) => r as Shared<CertificateSigningRequest>;

describe('CertificateSigningRequest', () => {
  it('is in the name of who makes it, whatever the body says', () => {
    expect(request({ username: 'root', groups: ['system:masters'] }).spec).toMatchObject({ username: 'jane' });
    expect(request({ groups: ['system:masters'] }).spec).not.toHaveProperty('groups');
  });

  it.each<[string, object, string[]]>([
    ['fine', {}, []],
    [
      'not PEM',
      { request: Buffer.from('x').toString('base64') },
      [
        `spec.request: Invalid value: "${Buffer.from('x').toString('base64')}": PEM block type must be CERTIFICATE REQUEST`,
      ],
    ],
    ['no usages', { usages: [] }, ['spec.usages: Required value']],
    [
      'no domain',
      { signerName: 'me' },
      [
        'spec.signerName: Invalid value: "me": must be a fully qualified domain and path of the form \'example.com/signer-name\'',
      ],
    ],
    [
      'too short',
      { expirationSeconds: 599 },
      ['spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600 seconds (10 minutes)'],
    ],
  ])('%s', (_, more, problems) => {
    expect(createProblems(CertificateSigningRequest, request(more))).toEqual(problems);
  });

  it('is decided once, by approval', () => {
    const approved = request();
    approved.status.conditions = [{ type: 'Approved', status: 'True' }];
    const errors = (list: readonly Parameters<typeof fieldErrorMessage>[0][]) => list.map(fieldErrorMessage);
    expect(errors(validateApprovalUpdate(shared(approved), shared(request())))).toEqual([]);
    expect(errors(validateApprovalUpdate(shared(request()), shared(approved)))).toEqual([
      'status.conditions: Forbidden: updates may not remove a condition of type "Approved"',
    ]);
    expect(errors(validateCertificateStatusUpdate(shared(approved), shared(request())))).toEqual([
      'status.conditions: Forbidden: updates may not add a condition of type "Approved"',
    ]);
    expect(cells(CertificateSigningRequest, approved)).toMatchObject({
      Requestor: 'jane',
      Condition: 'Approved',
      RequestedDuration: '<none>',
    });
  });
});
