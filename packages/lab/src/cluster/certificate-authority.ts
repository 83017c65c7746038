import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

type CryptoKey = webcrypto.CryptoKey;

x509.cryptoProvider.set(webcrypto);

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** A lab lives for days; a year leaves no reason to renew anything while it does. */
const LIFETIME_MS = 365 * 24 * 3600_000;
/** Certificates are valid from a little before now, for machines whose clocks differ slightly. */
const BACKDATE_MS = 5 * 60_000;

/** A certificate and its key, both as PEM. The key is a secret: files that hold it are mode 0600. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** Whom a certificate names: `organizations` are the groups that Kubernetes gives a client. */
export interface Subject {
  readonly commonName: string;
  readonly organizations?: readonly string[];
}

export interface ServingNames {
  readonly dns?: readonly string[];
  readonly ips?: readonly string[];
}

/** Signs certificates with a key that was made for this lab and never leaves it. */
export class CertificateAuthority {
  readonly pem: KeyPair;
  readonly #certificate: x509.X509Certificate;
  readonly #privateKey: CryptoKey;

  private constructor(certificate: x509.X509Certificate, privateKey: CryptoKey, pem: KeyPair) {
    this.#certificate = certificate;
    this.#privateKey = privateKey;
    this.pem = pem;
  }

  /** A self-signed root. */
  static async root(subject: Subject): Promise<CertificateAuthority> {
    const keys = await generateKeys();
    const { subject: name, ...validity } = common(subject);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      ...validity,
      name,
      keys,
      signingAlgorithm: ALGORITHM,
      extensions: [...caExtensions(), await x509.SubjectKeyIdentifierExtension.create(keys.publicKey)],
    });
    return new CertificateAuthority(certificate, keys.privateKey, await toPem(certificate, keys.privateKey));
  }

  /** An authority of its own whose certificate this one signs; `uris` are its SPIFFE names. */
  async intermediate(subject: Subject, uris: readonly string[] = []): Promise<CertificateAuthority> {
    const keys = await generateKeys();
    const names: x509.Extension[] =
      uris.length > 0
        ? [new x509.SubjectAlternativeNameExtension(uris.map((value) => ({ type: 'url' as const, value })))]
        : [];
    const certificate = await this.#sign(subject, keys.publicKey, [...caExtensions(0), ...names]);
    return new CertificateAuthority(certificate, keys.privateKey, await toPem(certificate, keys.privateKey));
  }

  /** A certificate with which a component says who it is. */
  client(subject: Subject): Promise<KeyPair> {
    return this.#leaf(subject, [x509.ExtendedKeyUsage.clientAuth], {});
  }

  /** A certificate with which a component answers under the given names. */
  serving(subject: Subject, names: ServingNames): Promise<KeyPair> {
    return this.#leaf(subject, [x509.ExtendedKeyUsage.serverAuth], names);
  }

  /** For a component that both answers and calls with one certificate, as etcd does. */
  peer(subject: Subject, names: ServingNames): Promise<KeyPair> {
    return this.#leaf(subject, [x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth], names);
  }

  async #leaf(subject: Subject, usages: string[], names: ServingNames): Promise<KeyPair> {
    const keys = await generateKeys();
    const alternatives = [
      ...(names.dns ?? []).map((value) => ({ type: 'dns' as const, value })),
      ...(names.ips ?? []).map((value) => ({ type: 'ip' as const, value })),
    ];
    const certificate = await this.#sign(subject, keys.publicKey, [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(usages),
      ...(alternatives.length > 0 ? [new x509.SubjectAlternativeNameExtension(alternatives)] : []),
    ]);
    return toPem(certificate, keys.privateKey);
  }

  async #sign(subject: Subject, publicKey: CryptoKey, extensions: x509.Extension[]) {
    return x509.X509CertificateGenerator.create({
      ...common(subject),
      issuer: this.#certificate.subject,
      publicKey,
      signingKey: this.#privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        ...extensions,
        await x509.SubjectKeyIdentifierExtension.create(publicKey),
        await x509.AuthorityKeyIdentifierExtension.create(this.#certificate.publicKey),
      ],
    });
  }
}

/** A bare key pair: the API server signs service account tokens with it. */
export async function signingKey(): Promise<{ publicKey: string; privateKey: string }> {
  const keys = await generateKeys();
  return {
    publicKey: pem('PUBLIC KEY', await webcrypto.subtle.exportKey('spki', keys.publicKey)),
    privateKey: await privateKeyPem(keys.privateKey),
  };
}

function common(subject: Subject) {
  const now = Date.now();
  return {
    subject: [
      ...(subject.organizations ?? []).map((organization) => ({ O: [organization] })),
      { CN: [subject.commonName] },
    ],
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + LIFETIME_MS),
  };
}

function caExtensions(pathLength?: number): x509.Extension[] {
  return [
    new x509.BasicConstraintsExtension(true, pathLength, true),
    new x509.KeyUsagesExtension(
      x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature,
      true,
    ),
  ];
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

async function toPem(certificate: x509.X509Certificate, privateKey: CryptoKey): Promise<KeyPair> {
  return { cert: `${certificate.toString('pem')}\n`, key: await privateKeyPem(privateKey) };
}

/** SEC1-less PKCS#8, which Go, OpenSSL and Envoy all read. */
async function privateKeyPem(key: CryptoKey): Promise<string> {
  return pem('PRIVATE KEY', await webcrypto.subtle.exportKey('pkcs8', key));
}

function pem(label: string, der: ArrayBuffer): string {
  const base64 = Buffer.from(der).toString('base64');
  return `-----BEGIN ${label}-----\n${base64.replace(/.{64}/g, '$&\n').trimEnd()}\n-----END ${label}-----\n`;
}
