/** ConfigMaps as the tests of the verbs send them. */

export const configMaps = '/api/v1/namespaces/default/configmaps';

export const configMap = (name: string, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...more },
  data: { a: '1' },
});
