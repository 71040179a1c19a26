/* What the packet path allocates once it is warm: nothing for each segment. */
import { epair } from '@ns/drv-epair';
import { arp } from '@ns/arp';
import { ether } from '@ns/ether';
import { ifAddAddr, ifioctl, ifnet, ifnetOf, ifSetCapenable, ifUp } from '@ns/ifnet';
import { IFCAP_LRO, IFCAP_TSO, IFNET_KPI, type IfReq, SIOCIFCREATE, SIOCSIFVNET } from '@ns/ifnet-kpi';
import { inpcb } from '@ns/inpcb';
import { ip } from '@ns/ip';
import { Kernel, virtualHost } from '@ns/kern';
import { mFreem } from '@ns/mbuf';
import { netisr } from '@ns/netisr';
import { netstackBsd } from '@ns/netstack-kpi';
import { route } from '@ns/route';
import { type Socket, socket, solistenDequeue, soreceiveChain, sosendBytes } from '@ns/socket';
import { tcp } from '@ns/tcp';
import { tcpRack } from '@ns/tcp-rack';
import { JAIL_CREATE, JAILS, vnet as vnetModule } from '@ns/vnet';
import { describe, expect, it } from 'vitest';
import { must, Side } from './lab.ts';
import { parseCidr } from './wire-names.ts';

declare const gc: () => void;

/** Two vnets and an epair without segmentation offload. */
function epairLab(stack: string): { settle: () => void; a: Side; b: Side } {
  const host = virtualHost();
  const kernel = new Kernel(host);
  for (const m of [vnetModule(), netisr(), ifnet(), route(), ether(), epair(), netstackBsd(), inpcb(), socket(), arp(), ip(), tcp(), tcpRack()]) must(kernel.kldload(m).errno, m.name);
  const jails = kernel.service(JAILS);
  const v0 = kernel.vnets.vnet0;
  const req: IfReq = { cmd: SIOCIFCREATE, name: 'epair' };
  must(ifioctl(v0, SIOCIFCREATE, req, jails.cred), 'create');
  const sides = (['a', 'b'] as const).map((end, i) => {
    const jail = jails.jailSet({ name: end, vnet: 'new', persist: true }, JAIL_CREATE).jail!;
    must(ifioctl(v0, SIOCSIFVNET, { cmd: SIOCSIFVNET, name: `epair0${end}`, jid: jail.jid }, jails.cred), 'vnet');
    const ifp = ifnetOf(kernel.service(IFNET_KPI).ifUnit(jail.vnet, `epair0${end}`)!);
    ifSetCapenable(ifp, ifp.capenable & ~(IFCAP_TSO | IFCAP_LRO));
    ifUp(ifp);
    const c = parseCidr(`10.0.0.${i + 1}/24`)!;
    must(ifAddAddr(ifp, { addr: c.addr, prefixlen: c.prefixlen }), 'address');
    must(kernel.sysctl.sysctlSet('net.inet.tcp.functions_default', stack, { vnet: jail.vnet, jailed: false }).errno, stack);
    return new Side(jail.vnet, jail.cred, `10.0.0.${i + 1}`);
  });
  host.settle();
  return { settle: () => host.settle(), a: sides[0]!, b: sides[1]! };
}

describe('allocation', () => {
  it.each(['freebsd', 'rack'])('a bulk flow allocates nothing for a segment: the least object would be 24 bytes (%s)', { timeout: 60_000 }, (stack) => {
    const { settle, a, b } = epairLab(stack);
    const l = b.listen(80);
    const c = a.connect('10.0.0.2', 80);
    settle();
    const s = solistenDequeue(l) as Socket;
    expect(typeof s).toBe('object');
    const buf = new Uint8Array(65536);
    const flow = (bytes: number): void => {
      for (let got = 0; got < bytes; ) {
        while (sosendBytes(c, buf, 0, buf.length, null, null, 0) > 0);
        settle();
        for (let m = soreceiveChain(s, 1 << 20, 0); m !== null; m = soreceiveChain(s, 1 << 20, 0)) {
          for (let p: typeof m | null = m; p !== null; p = p.next) got += p.len;
          mFreem(m);
        }
        settle();
      }
    };
    flow(40_000_000);
    const segments = (): number => a.tcp.stat.sndpack;
    let best = Infinity;
    for (let i = 0; i < 5; i++) {
      gc();
      const n0 = segments();
      const h0 = process.memoryUsage().heapUsed;
      flow(6_000_000);
      const used = process.memoryUsage().heapUsed - h0;
      best = Math.min(best, used / (segments() - n0));
    }
    // What is left: a reference to the caller's memory for each write of 64 KiB, and the virtual host's queue.
    expect(best).toBeLessThan(16);
  });
});
