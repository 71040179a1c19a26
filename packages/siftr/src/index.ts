/**
 * Statistical Information For TCP Research (FreeBSD siftr(4)): a line for each TCP segment that passes, with the state of its connection, in FreeBSD's format, for programs that draw congestion windows.
 *
 * Neighbours: `pfil-kpi` shows it segments; `tcp-kpi` tells how their connections are; `tcp` answers. A filter that looks and drops nothing.
 *
 * ```ts
 * import { exec } from '@ns/cli';
 * import { virtualHost } from '@ns/kern';
 * import { siftr } from '@ns/siftr';
 * import { SOCK_STREAM, sobind, type Socket, soconnect, socreate, solisten } from '@ns/socket';
 * import { createStack } from '@ns/stack';
 * import { AF_INET, inAddr4, Sockaddr } from '@ns/wire';
 *
 * const files: Record<string, string> = {};
 * const clock = virtualHost();
 * const { kernel, host } = createStack({ host: clock, extra: [siftr({ sink: (file, text) => void (files[file] = (files[file] ?? '') + text) })] });
 * host.addAddress('lo0', '127.0.0.1/8');
 * exec(kernel, 'sysctl net.inet.siftr.enabled=1').stdout; // => 'net.inet.siftr.enabled: 0 -> 1\n'
 *
 * const here = new Sockaddr(inAddr4(0x7f000001), 80);
 * const [server, client] = [0, 1].map(() => socreate(host.vnet, AF_INET, SOCK_STREAM, 0, host.cred) as Socket) as [Socket, Socket];
 * sobind(server, here, host.cred);
 * solisten(server, 1);
 * soconnect(client, here, host.cred);
 * clock.advance(10_000);
 * exec(kernel, 'sysctl net.inet.siftr.enabled=0');
 * const lines = files['/var/log/siftr.log']!.split('\n');
 * lines.slice(1, -2).map((l) => l.split(',').length); // => [28, 28, 28]
 * lines[1]!.split(',')[9]; // => '0': the column that stays
 * ```
 *
 * @packageDocumentation
 */
export { siftr, type SiftrOptions } from './module.ts';
export type { SiftrSink } from './siftr.ts';
