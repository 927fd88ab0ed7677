/** What the configuration's security files say: identities, read again when they change, admission plugins, audit. */
import { dirname, resolve } from 'node:path';
import { parseYaml } from '../api/machinery/parse-yaml.ts';
import { readAdmissionConfiguration } from '../apiserver/admission/admission-configuration.ts';
import type { AdmissionChainOptions } from '../apiserver/admission/chain.ts';
import { configuredAudit } from '../apiserver/audit/configured-audit.ts';
import type { AuthenticationOptions } from '../apiserver/authn/authenticators.ts';
import { configuredAuthentication } from '../apiserver/authn/configured-authentication.ts';
import type { AuthorizationMode } from '../apiserver/authz/authorizers.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { type ClusterConfig, readUserFile, UserError } from './config.ts';
import { serviceAccountIssuer } from './pki.ts';

export interface Security {
  readonly authentication?: Pick<AuthenticationOptions, 'furtherTokens' | 'anonymous'>;
  readonly authorizationModes?: readonly AuthorizationMode[];
  readonly admission: Pick<AdmissionChainOptions, 'enable' | 'disable' | 'configuration'>;
  readonly audit?: ReturnType<typeof configuredAudit>;
  /** Ends looking at files that may change. */
  stop(): void;
}

const modes: readonly string[] = ['Node', 'RBAC', 'AlwaysAllow', 'AlwaysDeny'];

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
    | 'authorizationMode'
    | 'admissionConfig'
    | 'enableAdmission'
    | 'disableAdmission'
    | 'auditPolicy'
    | 'auditLog'
    | 'clusterDomain'
  >,
  { clock, random, log }: { clock: Clock; random: Random; log: Logger },
): Security {
  const { authenticationConfig, admissionConfig, auditPolicy, auditLog, authorizationMode } = config;
  const unknownMode = authorizationMode?.find((mode) => !modes.includes(mode));
  if (unknownMode !== undefined) {
    throw new UserError(`--authorization-mode ${unknownMode} is not one of ${modes.join(', ')}`);
  }
  if (auditPolicy && !auditLog)
    throw new UserError('--audit-policy needs --audit-log, the file that events are written to');
  const settingsOf = (path: string) =>
    readAdmissionConfiguration(parseFile('--admission-config', path), (entry) =>
      parseFile('--admission-config', resolve(dirname(path), entry)),
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
    ...(authentication
      ? { authentication: { furtherTokens: [authentication.tokens], anonymous: authentication.anonymous } }
      : {}),
    stop: () => authentication?.stop(),
    ...(authorizationMode?.length ? { authorizationModes: authorizationMode as readonly AuthorizationMode[] } : {}),
    admission: {
      enable: config.enableAdmission ?? [],
      disable: config.disableAdmission ?? [],
      ...(admissionConfig
        ? { configuration: naming('--admission-config', admissionConfig, () => settingsOf(admissionConfig)) }
        : {}),
    },
    ...(auditLog
      ? {
          audit: naming('--audit-policy', auditPolicy ?? '(default)', () =>
            configuredAudit({
              ...(auditPolicy ? { policy: parseFile('--audit-policy', auditPolicy) } : {}),
              path: auditLog,
              clock,
              random,
              log,
            }),
          ),
        }
      : {}),
  };
}
