import type { FakeClock } from '../../effects/clock/fake.ts';
import type { RemoteFile, Ssh, SshResult } from '../../effects/ssh/port.ts';

/** A VM behind ssh, as far as joining, leaving and counting go: it knows the scripts by what they are for. */
export class FakeVm implements Ssh {
  readonly address: string;
  readonly files = new Map<string, RemoteFile>();
  readonly #clock: FakeClock;
  readonly #onSidecar: (running: boolean) => void;
  readonly #inbound: () => number;
  running = false;
  /** requests that its sidecar has under way */
  streams = 0;
  /** counts what was changed on it */
  version = 0;
  #recorded = false;

  constructor(address: string, clock: FakeClock, onSidecar: (running: boolean) => void, inbound: () => number) {
    this.address = address;
    this.#clock = clock;
    this.#onSidecar = onSidecar;
    this.#inbound = inbound;
  }

  get target(): string {
    return `admin@${this.address}:22`;
  }

  async run(script: string): Promise<SshResult> {
    if (script.includes("printf '\\n=%s=\\n'")) return said(this.#facts());
    if (script.includes('pilot-agent request GET')) {
      if (!this.running) return failed('pilot-agent: command not found');
      const stats = `istio_requests_total{reporter="destination",response_code="200",grpc_response_status="0",response_flags="-"} ${this.#inbound()}`;
      return said(`${stats}\n\n=clusters=\n{"cluster_statuses":[{"name":"inbound|3550||","host_statuses":[{"stats":[{"name":"rq_active","value":"${this.streams}"}]}]}]}\n`);
    }
    if (script.includes('pilot-agent wait')) return this.running ? said('') : failed('the proxy is not ready');
    if (script.includes('systemctl enable')) return this.#start();
    if (script.includes('systemctl stop')) return this.#leave();
    if (script.startsWith('[ -e ')) return this.#recorded ? said('') : failed('');
    if (script.includes('record.new')) this.#record(true);
    if (script.startsWith('rm -rf')) this.#record(false);
    if (script.startsWith('cat ')) return said(String(this.files.get(script.slice(4).trim())?.content ?? ''));
    return said('');
  }

  async write(file: RemoteFile): Promise<void> {
    this.files.set(file.path, file);
    this.version += 1;
  }

  async upload(): Promise<void> {}

  async close(): Promise<void> {}

  #record(recorded: boolean): void {
    if (this.#recorded === recorded) return;
    this.#recorded = recorded;
    this.version += 1;
  }

  #start(): SshResult {
    if (this.running) return said('');
    this.running = true;
    this.version += 1;
    this.#onSidecar(true);
    return said('started istio');
  }

  #leave(): SshResult {
    if (!this.#recorded || !this.running) return said('');
    this.running = false;
    this.version += 1;
    this.#onSidecar(false);
    return said('stopped istio');
  }

  #facts(): string {
    const sections: Record<string, string> = {
      os: 'ID=debian\nVERSION_ID="12"',
      arch: 'x86_64',
      tools: 'systemctl\ndpkg',
      now: `${this.#clock.now()}000000`,
      disk: 'Filesystem 1024-blocks Used Available Capacity Mounted\n/dev/vda 9 1 9000000 1% /',
      addresses: this.address,
      deb: 'installed 1.31.0-1',
      unit: this.running ? 'active' : 'inactive',
      enabled: this.running ? 'enabled' : 'disabled',
      joined: this.#recorded ? 'yes' : '',
    };
    return Object.entries(sections)
      .map(([name, text]) => `\n=${name}=\n${text}\n`)
      .join('');
  }
}

function said(stdout: string): SshResult {
  return { exitCode: 0, stdout, stderr: '' };
}

function failed(stderr: string): SshResult {
  return { exitCode: 1, stdout: '', stderr };
}
