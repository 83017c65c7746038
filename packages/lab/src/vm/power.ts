import { connect } from 'node:net';

/** What a VM's power switch tells. */
export interface Power {
  readonly on: boolean;
  /** Of its first process, as the sandbox sees it; 0 while it is off. */
  readonly pid: number;
  /** How often it has been booted since its component was started. */
  readonly boots: number;
}

/** Whether the VM is on. */
export async function readPower(controlSocket: string, signal?: AbortSignal): Promise<Power> {
  const answer: unknown = JSON.parse(await order(controlSocket, 'status', signal));
  return answer as Power;
}

/** Ends everything on the VM in order and boots it again. Resolves once it boots; its sshd answers a moment later. */
export const rebootVm = (controlSocket: string, signal?: AbortSignal) =>
  done(controlSocket, 'reboot', signal);

/** Ends everything on the VM in order and leaves it off. */
export const powerOffVm = (controlSocket: string, signal?: AbortSignal) =>
  done(controlSocket, 'poweroff', signal);

/** Switches the VM on; nothing happens if it is on. */
export const startVm = (controlSocket: string, signal?: AbortSignal) => done(controlSocket, 'start', signal);

/** Pulls the plug: nothing on the VM gets a chance to end in order, and it stays off. */
export const killVm = (controlSocket: string, signal?: AbortSignal) => done(controlSocket, 'kill', signal);

/** Pulls the plug and puts it back in. */
export const resetVm = (controlSocket: string, signal?: AbortSignal) => done(controlSocket, 'reset', signal);

async function done(controlSocket: string, word: string, signal?: AbortSignal): Promise<void> {
  const answer = await order(controlSocket, word, signal);
  if (answer !== 'ok')
    throw new Error(`The VM could not be told to ${word}: ${answer.replace(/^error: /, '')}`);
}

function order(controlSocket: string, word: string, signal?: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect({ path: controlSocket, ...(signal ? { signal } : {}) });
    socket.setEncoding('utf8');
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const gone = error.code === 'ENOENT' || error.code === 'ECONNREFUSED';
      reject(
        gone
          ? new Error(`No VM listens on ${controlSocket}: its component isn't running.`, { cause: error })
          : error,
      );
    });
    socket.on('data', (text: string) => {
      answer += text;
    });
    socket.on('end', () => resolve(answer.trim()));
    socket.write(`${word}\n`);
  });
}
