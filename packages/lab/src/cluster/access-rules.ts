import type { KubeObject } from '../kube/api-client.ts';
import { KUBELET_CLIENT, LOAD_BALANCERS } from './identities.ts';

const RBAC = 'rbac.authorization.k8s.io/v1';

/** The rights that the lab's own identities need beyond those that every API server makes by itself. */
export function accessRules(): KubeObject[] {
  return [
    bindUser(KUBELET_CLIENT, 'system:kubelet-api-admin'),
    {
      apiVersion: RBAC,
      kind: 'ClusterRole',
      metadata: { name: LOAD_BALANCERS },
      rules: [
        { apiGroups: [''], resources: ['services'], verbs: ['get', 'list', 'watch'] },
        { apiGroups: [''], resources: ['services/status'], verbs: ['patch'] },
      ],
    },
    bindUser(LOAD_BALANCERS, LOAD_BALANCERS),
  ];
}

function bindUser(user: string, role: string): KubeObject {
  return {
    apiVersion: RBAC,
    kind: 'ClusterRoleBinding',
    metadata: { name: user },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
  };
}
