import { expect, it } from 'vitest';
import { connectionsIn } from './sockets.ts';

const row = (local: string, remote: string, state: string, inode: number) =>
  `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 ff 100`;

it('reads addresses of both families in their shortest form', () => {
  const { connections } = connectionsIn([
    row('0100007F:0BB8', '0A640A0A:9C40', '01', 1),
    row('00000000000000000000000001000000:0BB8', 'B80D0120000000000000000001000000:0050', '01', 2),
    row('0000000000000000FFFF00000100007F:0BB8', '0000000000000000FFFF00000A640A0A:0050', '01', 3),
  ]);
  expect(
    connections.map(({ local, remote }) => [local.address, local.loopback, remote.address, remote.port]),
  ).toEqual([
    ['127.0.0.1', true, '10.10.100.10', 40_000],
    ['::1', true, '2001:db8::1', 80],
    ['127.0.0.1', true, '10.10.100.10', 80],
  ]);
});

it('tells who listens from who is connected, and leaves out what is neither, or nobody asked for', () => {
  const rows = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    row('00000000:0DDE', '00000000:0000', '0A', 10),
    row('0100007F:0BB8', '00000000:0000', '0A', 11),
    row('0A640A0A:0DDE', '0900150A:9C40', '06', 0), // in TIME_WAIT: gone, but for the kernel
    row('0A640A0A:0DDE', '0900150A:9C41', '01', 12),
  ];
  expect(connectionsIn(rows).listeners).toEqual([
    { port: 3550, loopback: false },
    { port: 3000, loopback: true },
  ]);
  expect(connectionsIn(rows, (inode) => inode === '12')).toEqual({
    listeners: [],
    connections: [
      {
        local: { address: '10.10.100.10', port: 3550, loopback: false },
        remote: { address: '10.21.0.9', port: 40_001, loopback: false },
      },
    ],
  });
});
