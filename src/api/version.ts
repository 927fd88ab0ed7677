/** The Kubernetes release whose API is served, as /version and node info report it. */
export const kubernetesVersion = 'v1.36.3';
export const kubernetesMajor = '1';
export const kubernetesMinor = '36';
