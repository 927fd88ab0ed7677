/** `--kubelet-config`: the user's settings for the node, in upstream's form. */
import type { NodeSettings } from '../kubelet/context.ts';
import { parseKubeletConfiguration } from '../kubelet/node/kubelet-configuration.ts';
import { readUserFile, UserError } from './config.ts';

/** What the user's KubeletConfiguration says. Throws a {@link UserError} that names the file. */
export function kubeletSettings({ kubeletConfig }: { kubeletConfig?: string | undefined }): Partial<NodeSettings> {
  if (!kubeletConfig) return {};
  const text = readUserFile('--kubelet-config', kubeletConfig);
  try {
    return parseKubeletConfiguration(text);
  } catch (error) {
    throw new UserError(`--kubelet-config ${kubeletConfig}: ${(error as Error).message}`);
  }
}
