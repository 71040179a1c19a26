import { type EventTag, type Kernel, type ModuleDecl, SHUTDOWN_PRE_SYNC, SI_ORDER_ANY, SI_SUB_PROTO_DOMAIN, SI_SUB_VNET_DONE, type Vnet } from '@ns/kern';
import { type Netstack, netstackModule, nullNetstack } from '@ns/netstack-kpi';
import { type SockProto, SOCKETS } from '@ns/socket';
import { CTLFLAG_RW, type SysctlDecl, sysctlStats } from '@ns/sysctl';
import { type Jail, PRISON_REMOVE_EVENT } from '@ns/vnet';
import { AF_INET, AF_INET6 } from '@ns/wire';
import { hostDgramProto } from './dgram.ts';
import { HOST_SOCKETS, HostSockets } from './host-sockets.ts';
import { hostStreamProto } from './stream.ts';

/** The methods of the host stack: one routing table, no exports, nothing for drivers. */
export const hostNetstack: Netstack = Object.freeze<Netstack>({
  ...nullNetstack,
  name: 'host',
  socreate: (so) => {
    so.fibnum = 0;
  },
});

const PROTOS: readonly SockProto[] = [AF_INET, AF_INET6].flatMap((af) => [hostStreamProto(af), hostDgramProto(af)]);

const sysctls: readonly SysctlDecl<Vnet>[] = [
  sysctlStats<Vnet, object>({
    name: 'kern.ipc.netstack_host.stats',
    flags: CTLFLAG_RW,
    format: 'S,hoststat',
    descr: "Statistics of the operating system's sockets",
    of: (req) => req.vnet.kernel.service(HOST_SOCKETS).stat,
  }),
];

function initKernel(kernel: Kernel, tags: WeakMap<Kernel, EventTag[]>): number {
  const host = new HostSockets(kernel);
  kernel.provide(HOST_SOCKETS, host);
  for (const p of PROTOS) {
    const errno = kernel.service(SOCKETS).prRegister(p);
    if (errno === 0) continue;
    exitKernel(kernel, tags);
    return errno;
  }
  tags.set(kernel, [
    kernel.events.register(PRISON_REMOVE_EVENT, (jail: Jail) => host.kill(jail.vnet, jail), { owner: 'netstack_host' }),
    kernel.events.register(SHUTDOWN_PRE_SYNC, () => host.kill(null, null), { owner: 'netstack_host' }),
  ]);
  return 0;
}

function exitKernel(kernel: Kernel, tags: WeakMap<Kernel, EventTag[]>): void {
  for (const tag of tags.get(kernel) ?? []) kernel.events.deregister(tag);
  tags.delete(kernel);
  for (const p of PROTOS) kernel.service(SOCKETS).prDeregister(p);
}

/**
 * Module `netstack_host`: the operating system's TCP and UDP, by `node:net` and `node:dgram`, as the network stack `host`. It becomes the kernel's current stack, or with
 * `standby` one that jails (parameter `netstack`) and calls may choose.
 *
 * Sockets of it are not in the vnet's interfaces and routes: they are the process's own. Errors of bind come when the socket connects or listens.
 * @public
 */
export function netstackHost(options: { readonly standby?: boolean } = {}): ModuleDecl {
  const tags = new WeakMap<Kernel, EventTag[]>();
  return netstackModule('host', () => hostNetstack, {
    ...options,
    decl: {
      version: 1,
      depends: [{ name: 'socket', min: 1, preferred: 1, max: 1 }],
      sysinit: [{ subsystem: SI_SUB_PROTO_DOMAIN, order: SI_ORDER_ANY, init: (kernel) => initKernel(kernel, tags), exit: (kernel) => exitKernel(kernel, tags) }],
      vnetInit: [{ subsystem: SI_SUB_VNET_DONE, order: SI_ORDER_ANY, init: () => {}, exit: (vnet) => vnet.kernel.service(HOST_SOCKETS).kill(vnet, null) }],
      sysctls,
    },
  });
}
