import { createPrivateKey, createPublicKey, sign, verify, X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { CertificateAuthority, signingKey } from './certificate-authority.ts';

const root = await CertificateAuthority.root({ commonName: 'Root CA', organizations: ['Istio'] });
const rootCert = new X509Certificate(root.pem.cert);

test('a root signs itself and may sign others', () => {
  expect(rootCert.ca).toBe(true);
  expect(rootCert.verify(rootCert.publicKey)).toBe(true);
});

test('every certificate says whose it is and who signed it, without which curl and others refuse it', async () => {
  expect(rootCert.subject).toBe('O=Istio\nCN=Root CA');
  expect(rootCert.issuer).toBe(rootCert.subject);
  const leaf = new X509Certificate((await root.client({ commonName: 'somebody' })).cert);
  expect(leaf.subject).toBe('CN=somebody');
  expect(leaf.issuer).toBe(rootCert.subject);
});

test('an intermediate is signed by its root, may sign, and carries its SPIFFE name', async () => {
  const uri = 'spiffe://cluster.local/ns/istio-system/sa/citadel';
  const intermediate = await root.intermediate({ commonName: 'Intermediate CA' }, [uri]);
  const cert = new X509Certificate(intermediate.pem.cert);
  expect(cert.ca).toBe(true);
  expect(cert.checkIssued(rootCert)).toBe(true);
  expect(cert.verify(rootCert.publicKey)).toBe(true);
  expect(cert.subjectAltName).toBe(`URI:${uri}`);
});

test('a client certificate names its user and groups, is for clients only, and cannot sign', async () => {
  const pair = await root.client({ commonName: 'system:node:a', organizations: ['system:nodes'] });
  const cert = new X509Certificate(pair.cert);
  expect(cert.subject).toBe('O=system:nodes\nCN=system:node:a');
  expect(cert.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
  expect(cert.ca).toBe(false);
  expect(cert.checkPrivateKey(createPrivateKey(pair.key))).toBe(true);
});

test('a serving certificate answers under its names and addresses and no others', async () => {
  const cert = new X509Certificate(
    (await root.serving({ commonName: 'kube-apiserver' }, { dns: ['kubernetes'], ips: ['10.10.1.10'] })).cert,
  );
  expect(cert.checkHost('kubernetes')).toBe('kubernetes');
  expect(cert.checkIP('10.10.1.10')).toBe('10.10.1.10');
  expect(cert.checkHost('other')).toBeUndefined();
  expect(cert.checkIP('10.10.2.10')).toBeUndefined();
});

test('what the token key signs, its public half verifies', async () => {
  const keys = await signingKey();
  const signature = sign('sha256', Buffer.from('token'), createPrivateKey(keys.privateKey));
  expect(verify('sha256', Buffer.from('token'), createPublicKey(keys.publicKey), signature)).toBe(true);
});
