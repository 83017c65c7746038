import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { makeMeshCas } from './plug-in-ca.ts';

test('clusters share one root, sign with intermediates of their own, and nobody keeps the key of the root', async () => {
  const secrets = await makeMeshCas(['cluster1', 'cluster2']);
  const data = [...secrets.values()].map(({ stringData }) => stringData as Record<string, string>);
  const [one, two] = data.map((files) => ({
    root: files['root-cert.pem'] ?? '',
    cert: files['ca-cert.pem'] ?? '',
    key: files['ca-key.pem'] ?? '',
    chain: files['cert-chain.pem'] ?? '',
  }));
  if (!one || !two) throw new Error('two clusters have two secrets');
  expect(one.root).toBe(two.root);
  expect(one.key).not.toBe(two.key);
  const root = new X509Certificate(one.root);
  for (const { cert, chain } of [one, two]) {
    expect(new X509Certificate(cert).checkIssued(root)).toBe(true);
    expect(chain).toBe(cert + one.root);
  }
  for (const files of data)
    expect(Object.keys(files).sort()).toEqual([
      'ca-cert.pem',
      'ca-key.pem',
      'cert-chain.pem',
      'root-cert.pem',
    ]);
  expect(data.some((files) => JSON.stringify(files).includes('root-key'))).toBe(false);
});
