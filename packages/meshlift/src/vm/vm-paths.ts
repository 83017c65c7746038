/** Where the Istio sidecar package expects its files, and where Meshlift keeps what it needs to undo its work. */
export const vmPaths = {
  clusterEnv: '/var/lib/istio/envoy/cluster.env',
  /** /etc/istio is a link to /var/lib/istio, made by the package */
  meshConfig: '/etc/istio/config/mesh',
  rootCert: '/etc/certs/root-cert.pem',
  /** written by the proxy itself: the certificate that it got for the token */
  certChain: '/etc/certs/cert-chain.pem',
  certKey: '/etc/certs/key.pem',
  token: '/var/run/secrets/tokens/istio-token',
  hosts: '/etc/hosts',
  proxyLog: '/var/log/istio/istio.log',
  proxyErrorLog: '/var/log/istio/istio.err.log',
  /** root only */
  record: '/var/lib/meshlift',
} as const;

export const sidecarPackageName = 'istio-sidecar';
export const sidecarUnit = 'istio';
export const sidecarUser = 'istio-proxy';
