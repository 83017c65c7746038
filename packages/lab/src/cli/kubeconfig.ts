import { runningLab } from './find-lab.ts';
import { type LabIo, print } from './io.ts';

export async function kubeconfig(options: { name: string }, io: LabIo): Promise<void> {
  const { status } = await runningLab(options.name, io);
  print(io, status.kubeconfig);
}
