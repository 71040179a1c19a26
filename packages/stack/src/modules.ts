import { arp } from '@ns/arp';
import { ccNewreno } from '@ns/cc-newreno';
import { epair } from '@ns/drv-epair';
import { loop } from '@ns/drv-loop';
import { ether } from '@ns/ether';
import { ifnet } from '@ns/ifnet';
import { inpcb } from '@ns/inpcb';
import { ip } from '@ns/ip';
import { ip6 } from '@ns/ip6';
import type { ModuleDecl } from '@ns/kern';
import { mac } from '@ns/mac';
import { nd6 } from '@ns/nd6';
import { netisr } from '@ns/netisr';
import { netstackBsd } from '@ns/netstack-kpi';
import { pfil } from '@ns/pfil';
import { rawip } from '@ns/rawip';
import { route } from '@ns/route';
import { socket } from '@ns/socket';
import { tcp } from '@ns/tcp';
import { udp } from '@ns/udp';
import { vnet } from '@ns/vnet';

/**
 * What {@link defaultModules} may be told.
 * @public
 */
export interface DefaultModulesOptions {
  /** Secret of stable IPv6 addresses, at least 16 bytes: see `nd6` of `@ns/nd6`. */
  readonly nd6Secret?: Uint8Array;
}

/**
 * The modules of the default stack, in the order of loading: IPv4 and IPv6 (with neighbour discovery), TCP, UDP and raw sockets, jails, access control without a policy, packet filter hooks
 * without a filter, loopback and epair, NewReno.
 * A composition of one's own starts from this list, or names the modules itself.
 * @public
 */
export function defaultModules(options: DefaultModulesOptions = {}): readonly ModuleDecl[] {
  return [
    vnet(),
    mac(),
    netisr(),
    pfil(),
    ifnet(),
    route(),
    ether(),
    loop(),
    epair(),
    netstackBsd(),
    inpcb(),
    socket(),
    arp(),
    ip(),
    ip6(),
    nd6(options.nd6Secret === undefined ? {} : { secret: options.nd6Secret }),
    rawip(),
    udp(),
    tcp(),
    ccNewreno(),
  ];
}
