/** What the configuration's security files say: identities, read again when they change, admission plugins, audit. */
import { dirname, resolve } from 'node:path';
import { parseYaml } from '../api/machinery/parse-yaml.ts';
import { readAdmissionConfiguration } from '../apiserver/admission/admission-configuration.ts';
import type { AdmissionChainOptions } from '../apiserver/admission/chain.ts';
import { configuredAudit } from '../apiserver/audit/configured-audit.ts';
import type { AuthenticationOptions } from '../apiserver/authn/authenticators.ts';
import { configuredAuthentication } from '../apiserver/authn/configured-authentication.ts';
import { createTokenFileAuthenticator } from '../apiserver/authn/token-file.ts';
import { createTokenWebhookAuthenticator } from '../apiserver/authn/token-webhook.ts';
import {
  type AuthorizationMode,
  type AuthorizationOptions,
  authorizationModes,
} from '../apiserver/authz/authorizers.ts';
import { createWebhookAuthorizer } from '../apiserver/authz/webhook.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { type ClusterConfig, readUserFile, UserError } from './config.ts';
import { serviceAccountIssuer } from './pki.ts';
import { readWebhookTarget } from './webhook-target.ts';

export interface Security {
  readonly authentication: Pick<AuthenticationOptions, 'furtherTokens' | 'anonymous' | 'tokenFile'>;
  readonly authorization: Pick<AuthorizationOptions, 'modes' | 'webhook'>;
  readonly admission: Pick<AdmissionChainOptions, 'enable' | 'disable' | 'configuration'>;
  readonly audit?: ReturnType<typeof configuredAudit>;
  /** Ends looking at files that may change. */
  stop(): void;
}

function parseFile(flag: string, path: string): unknown {
  const text = readUserFile(flag, path);
  return naming(flag, path, () => parseYaml(text).value);
}

function naming<T>(flag: string, path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof UserError ? error : new UserError(`${flag} ${path}: ${(error as Error).message}`);
  }
}

/** Throws UserError that names the flag, the file and what is wrong in it. */
export function readSecurity(
  config: Pick<
    ClusterConfig,
    | 'authenticationConfig'
    | 'authenticationTokenWebhookConfigFile'
    | 'tokenAuthFile'
    | 'authorizationMode'
    | 'authorizationWebhookConfigFile'
    | 'admissionConfig'
    | 'enableAdmission'
    | 'disableAdmission'
    | 'auditPolicy'
    | 'auditLog'
    | 'auditWebhookConfigFile'
    | 'clusterDomain'
  >,
  { clock, random, log }: { clock: Clock; random: Random; log: Logger },
): Security {
  const { authenticationConfig, tokenAuthFile, admissionConfig } = config;
  const { authenticationTokenWebhookConfigFile: tokenWebhook } = config;
  const audit = readAudit(config, { clock, random, log });
  const settingsOf = (path: string) =>
    withImagePolicyTarget(
      path,
      readAdmissionConfiguration(parseFile('--admission-config', path), (entry) =>
        parseFile('--admission-config', resolve(dirname(path), entry)),
      ),
    );
  const authentication = authenticationConfig
    ? naming('--authentication-config', authenticationConfig, () =>
        configuredAuthentication({
          read: () => readUserFile('--authentication-config', authenticationConfig),
          parse: (text) => parseYaml(text).value,
          disallowedIssuers: [serviceAccountIssuer(config.clusterDomain)],
          clock,
          log,
        }),
      )
    : undefined;
  return {
    authentication: {
      furtherTokens: [
        ...(authentication ? [authentication.tokens] : []),
        ...(tokenWebhook
          ? [createTokenWebhookAuthenticator({ target: readWebhookTarget(tokenWebhookFlag, tokenWebhook), clock })]
          : []),
      ],
      ...(authentication ? { anonymous: authentication.anonymous } : {}),
      ...(tokenAuthFile ? { tokenFile: readTokenFile(tokenAuthFile) } : {}),
    },
    stop: () => authentication?.stop(),
    authorization: readAuthorization(config, clock),
    admission: {
      enable: config.enableAdmission ?? [],
      disable: config.disableAdmission ?? [],
      ...(admissionConfig
        ? { configuration: naming('--admission-config', admissionConfig, () => settingsOf(admissionConfig)) }
        : {}),
    },
    ...(audit ? { audit } : {}),
  };
}

const tokenWebhookFlag = '--authentication-token-webhook-config-file';
const webhookFlag = '--authorization-webhook-config-file';
const auditWebhookFlag = '--audit-webhook-config-file';

function readTokenFile(file: string): string {
  const text = readUserFile('--token-auth-file', file);
  naming('--token-auth-file', file, () => createTokenFileAuthenticator(text));
  return text;
}

function readAudit(
  {
    auditPolicy,
    auditLog,
    auditWebhookConfigFile,
  }: Pick<ClusterConfig, 'auditPolicy' | 'auditLog' | 'auditWebhookConfigFile'>,
  means: { clock: Clock; random: Random; log: Logger },
): ReturnType<typeof configuredAudit> | undefined {
  if (!auditLog && !auditWebhookConfigFile) {
    if (!auditPolicy) return undefined;
    throw new UserError(
      `--audit-policy needs --audit-log, the file that events are written to, or ${auditWebhookFlag}`,
    );
  }
  const webhook = auditWebhookConfigFile ? readWebhookTarget(auditWebhookFlag, auditWebhookConfigFile) : undefined;
  return naming('--audit-policy', auditPolicy ?? '(default)', () =>
    configuredAudit({
      ...(auditPolicy ? { policy: parseFile('--audit-policy', auditPolicy) } : {}),
      path: auditLog,
      webhook,
      ...means,
    }),
  );
}

function readAuthorization(
  config: Pick<ClusterConfig, 'authorizationMode' | 'authorizationWebhookConfigFile'>,
  clock: Clock,
): Security['authorization'] {
  const { authorizationMode: modes = [], authorizationWebhookConfigFile: webhook } = config;
  const unknown = modes.find((mode) => !(authorizationModes as readonly string[]).includes(mode));
  if (unknown !== undefined) {
    throw new UserError(`--authorization-mode ${unknown} is not one of ${authorizationModes.join(', ')}`);
  }
  if (modes.includes('Webhook') !== Boolean(webhook)) {
    throw new UserError(`--authorization-mode Webhook and ${webhookFlag} are needed together`);
  }
  return {
    ...(modes.length ? { modes: modes as readonly AuthorizationMode[] } : {}),
    ...(webhook
      ? { webhook: createWebhookAuthorizer({ target: readWebhookTarget(webhookFlag, webhook), clock }) }
      : {}),
  };
}

/** The plugin knows no files: it is given the server that its kubeconfig file names. */
function withImagePolicyTarget(
  path: string,
  settings: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const { imagePolicy } = (settings['ImagePolicyWebhook'] ?? {}) as { imagePolicy?: { kubeConfigFile?: string } };
  if (!imagePolicy?.kubeConfigFile) return settings;
  const target = readWebhookTarget('--admission-config', resolve(dirname(path), imagePolicy.kubeConfigFile));
  return { ...settings, ImagePolicyWebhook: { imagePolicy: { ...imagePolicy, target } } };
}
