import { EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EDESTADDRREQ, EEXIST, EINVAL, ENAMETOOLONG, ENODEV, ENOENT, ENXIO, EOPNOTSUPP, EPERM } from '@ns/errno';
import {
  IFCAP_HWCSUM,
  IFCAP_HWCSUM_IPV6,
  IFCAP_NETMAP,
  IFCAP_TOE4,
  IFCAP_TSO,
  IFCAP_TXCSUM,
  IFF_BROADCAST,
  IFF_DEBUG,
  IFF_DRV_RUNNING,
  IFF_LOOPBACK,
  IFF_POINTOPOINT,
  IFF_PPROMISC,
  IFF_PROMISC,
  IFF_UP,
  type IfReq,
  IFT_PPP,
  LINK_STATE_DOWN,
  LINK_STATE_UP,
  SIOCADDMULTI,
  SIOCAIFADDR,
  SIOCAIFADDR_IN6,
  SIOCAIFGROUP,
  SIOCDELMULTI,
  SIOCDIFADDR,
  SIOCDIFADDR_IN6,
  SIOCDIFGROUP,
  SIOCGIFCAP,
  SIOCGIFDESCR,
  SIOCGIFFIB,
  SIOCGIFFLAGS,
  SIOCGIFGMEMB,
  SIOCGIFGROUP,
  SIOCGIFINDEX,
  SIOCGIFMEDIA,
  SIOCGIFMETRIC,
  SIOCGIFMTU,
  SIOCIFGCLONERS,
  SIOCSIFCAP,
  SIOCSIFDESCR,
  SIOCSIFFIB,
  SIOCSIFFLAGS,
  SIOCSIFLLADDR,
  SIOCSIFMEDIA,
  SIOCSIFMETRIC,
  SIOCSIFMTU,
  SIOCSIFNAME,
} from '@ns/ifnet-kpi';
import {
  IFADDR_EVENT,
  IFADDR_EVENT_EXT,
  ifAddMulti,
  ifaOfIfpForAddr,
  ifaWithAddr,
  ifaWithDstaddr,
  ifaWithNet,
  ifDelMulti,
  ifioctl,
  IFLLADDR_EVENT,
  type Ifnet,
  ifnet,
  IFNET_EVENT,
  IFNET_LINK_EVENT,
  IFNET_MTU_EVENT,
  IFNET_RENAME_EVENT,
  ifPromisc,
  ifSetNumfibs,
  ifUp,
} from '@ns/ifnet';
import { CSUM_IP, CSUM_IP6_TCP, CSUM_IP6_TSO, CSUM_IP6_UDP, CSUM_IP_TCP, CSUM_IP_TSO, CSUM_IP_UDP, mFreem } from '@ns/mbuf';
import { Kernel, virtualHost } from '@ns/kern';
import { NETISR, netisr, NETISR_EPAIR } from '@ns/netisr';
import { crget, vnet } from '@ns/vnet';
import { formatInAddr, type InAddr, parseInAddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { eventLog, type Rig, rig } from './rig.ts';

const ip = (text: string): InAddr => parseInAddr(text) as InAddr;
const ask = (r: Rig, req: IfReq, cred = r.root): number => ifioctl(r.vnet0, req.cmd, req, cred);
const list = (ifp: Ifnet): string[] => ifp.addrs.map((a) => `${formatInAddr(a.addr)}/${a.prefixlen}`);
const add = (r: Rig, name: string, addr: string, prefixlen?: number, more: object = {}): number =>
  ask(r, { cmd: addr.includes(':') ? SIOCAIFADDR_IN6 : SIOCAIFADDR, name, addr: { addr: ip(addr), ...(prefixlen !== undefined && { prefixlen }), ...more } });

describe('permission and names', () => {
  it('lets anybody read and only the superuser change', () => {
    const r = rig();
    r.attach();
    const user = crget(r.vnet0, 1001);
    const get: IfReq = { cmd: SIOCGIFMTU, name: 'tst0' };
    expect(ask(r, get, user)).toBe(0);
    expect(get).toMatchObject({ mtu: 1500 });
    expect(ask(r, { cmd: SIOCSIFMTU, name: 'tst0', mtu: 1400 }, user)).toBe(EPERM);
    expect(ask(r, { cmd: SIOCGIFMTU, name: 'nope0' })).toBe(ENXIO);
    expect(ifioctl(r.vnet0, SIOCSIFMTU, get, r.root)).toBe(EINVAL);
  });

  it('is refused to the superuser of a jail that shares the stack of the host', () => {
    const r = rig();
    r.attach();
    const { jail } = r.jails.jailSet({ name: 'j', vnet: 'inherit', persist: true });
    if (jail === null || jail === undefined) throw new Error('jail');
    expect(ask(r, { cmd: SIOCSIFMTU, name: 'tst0', mtu: 1400 }, crget(jail))).toBe(EPERM);
  });

  it('renames', () => {
    const r = rig();
    const { ifp } = r.attach();
    r.attach();
    const log = eventLog(r.kernel, [IFNET_RENAME_EVENT]);
    expect(ask(r, { cmd: SIOCSIFNAME, name: 'tst0', newName: '' })).toBe(EINVAL);
    expect(ask(r, { cmd: SIOCSIFNAME, name: 'tst0', newName: 'x'.repeat(16) })).toBe(ENAMETOOLONG);
    expect(ask(r, { cmd: SIOCSIFNAME, name: 'tst0', newName: 'tst1' })).toBe(EEXIST);
    expect(ask(r, { cmd: SIOCSIFNAME, name: 'tst0', newName: 'wan' })).toBe(0);
    expect([ifp.name, r.kpi.ifUnit(r.vnet0, 'tst0'), r.kpi.ifUnit(r.vnet0, 'wan')]).toEqual(['wan', null, ifp.handle]);
    expect(log).toEqual(['ifnet_rename_event wan tst0']);
    expect(ask(r, { cmd: SIOCSIFNAME, name: 'wan', newName: 'wan' })).toBe(0);
  });

  it('answers the plain requests', () => {
    const r = rig();
    const { ifp } = r.attach({ media: { list: [0x20, 0x30], current: 0x20 } });
    expect(ask(r, { cmd: SIOCSIFDESCR, name: 'tst0', descr: 'uplink' })).toBe(0);
    expect(ask(r, { cmd: SIOCSIFDESCR, name: 'tst0', descr: 'x'.repeat(1024) })).toBe(ENAMETOOLONG);
    expect(ask(r, { cmd: SIOCSIFMETRIC, name: 'tst0', metric: 5 })).toBe(0);
    expect(ask(r, { cmd: SIOCSIFFIB, name: 'tst0', fib: 1 })).toBe(EINVAL);
    ifSetNumfibs(r.vnet0, 2);
    expect(ask(r, { cmd: SIOCSIFFIB, name: 'tst0', fib: 1 })).toBe(0);
    const gets: IfReq[] = [
      { cmd: SIOCGIFDESCR, name: 'tst0' },
      { cmd: SIOCGIFMETRIC, name: 'tst0' },
      { cmd: SIOCGIFFIB, name: 'tst0' },
      { cmd: SIOCGIFINDEX, name: 'tst0' },
      { cmd: SIOCGIFFLAGS, name: 'tst0' },
      { cmd: SIOCGIFGROUP, name: 'tst0' },
      { cmd: SIOCGIFMEDIA, name: 'tst0' },
    ];
    for (const g of gets) expect(ask(r, g)).toBe(0);
    expect(gets).toMatchObject([{ descr: 'uplink' }, { metric: 5 }, { fib: 1 }, { index: 1 }, { flags: ifp.flags }, { groups: ['all'] }, { status: { status: 1 } }]);
    const cloners: IfReq = { cmd: SIOCIFGCLONERS };
    expect(ask(r, cloners)).toBe(0);
    expect(cloners).toMatchObject({ cloners: [] });
  });

  it('sets media that are in the list, if the driver can', () => {
    const r = rig();
    const { sc, ifp } = r.attach({ media: { list: [0x20, 0x30], current: 0x20 } });
    expect(ask(r, { cmd: SIOCSIFMEDIA, name: 'tst0', word: 0x26 })).toBe(EINVAL);
    expect(ask(r, { cmd: SIOCSIFMEDIA, name: 'tst0', word: 0x30 })).toBe(EOPNOTSUPP);
    sc.answers.set(SIOCSIFMEDIA, 0);
    expect(ask(r, { cmd: SIOCSIFMEDIA, name: 'tst0', word: 0x30 })).toBe(0);
    expect(ifp.media?.current).toBe(0x30);
    r.attach();
    expect(ask(r, { cmd: SIOCGIFMEDIA, name: 'tst1' })).toBe(EOPNOTSUPP);
  });

  it('keeps groups', () => {
    const r = rig();
    const { ifp } = r.attach();
    r.attach();
    expect(ask(r, { cmd: SIOCAIFGROUP, name: 'tst0', group: 'lan1' })).toBe(EINVAL);
    expect(ask(r, { cmd: SIOCAIFGROUP, name: 'tst0', group: 'lan' })).toBe(0);
    expect(ask(r, { cmd: SIOCAIFGROUP, name: 'tst0', group: 'lan' })).toBe(EEXIST);
    expect(ask(r, { cmd: SIOCAIFGROUP, name: 'tst1', group: 'lan' })).toBe(0);
    const who: IfReq = { cmd: SIOCGIFGMEMB, group: 'lan' };
    expect(ask(r, who)).toBe(0);
    expect(who).toMatchObject({ members: ['tst0', 'tst1'] });
    expect(ask(r, { cmd: SIOCDIFGROUP, name: 'tst0', group: 'lan' })).toBe(0);
    expect(ask(r, { cmd: SIOCDIFGROUP, name: 'tst0', group: 'lan' })).toBe(ENOENT);
    expect(ask(r, { cmd: SIOCDIFGROUP, name: 'tst1', group: 'lan' })).toBe(0);
    expect(ask(r, { cmd: SIOCGIFGMEMB, group: 'lan' })).toBe(EINVAL);
    expect(ifp.groups).toEqual(['all']);
  });
});

describe('flags', () => {
  it('has one writer for each word: a user cannot touch what the driver or the stack owns', () => {
    const r = rig();
    const { ifp, h } = r.attach();
    const before = ifp.flags;
    expect(ask(r, { cmd: SIOCSIFFLAGS, name: 'tst0', flags: 0xffffffff & ~IFF_UP & ~IFF_PPROMISC })).toBe(0);
    expect(ifp.flags & (IFF_POINTOPOINT | IFF_LOOPBACK | IFF_PROMISC | IFF_DRV_RUNNING)).toBe(before & IFF_DRV_RUNNING);
    expect(ifp.flags & IFF_DEBUG).toBe(IFF_DEBUG);
    expect(ask(r, { cmd: SIOCSIFFLAGS, name: 'tst0', flags: 0 })).toBe(0);
    expect(ifp.flags & IFF_BROADCAST).toBe(IFF_BROADCAST);
    r.kpi.ifSetDrvFlags(h, 0xffff, 0);
    expect(ifp.drvFlags).toBe(0x440);
    expect(ifp.flags & IFF_POINTOPOINT).toBe(0);
  });

  it('goes up and down with events, starting the driver once and flushing it', () => {
    const r = rig();
    const { ifp, sc } = r.attach();
    const log = eventLog(r.kernel, [IFNET_EVENT]);
    ask(r, { cmd: SIOCSIFFLAGS, name: 'tst0', flags: IFF_UP });
    ask(r, { cmd: SIOCSIFFLAGS, name: 'tst0', flags: IFF_UP | IFF_DEBUG });
    expect(ifp.flags & (IFF_UP | IFF_DRV_RUNNING)).toBe(IFF_UP | IFF_DRV_RUNNING);
    ask(r, { cmd: SIOCSIFFLAGS, name: 'tst0', flags: 0 });
    expect(sc.calls).toEqual(['init', 'qflush']);
    expect(log).toEqual(['ifnet_event tst0 0', 'ifnet_event tst0 1']);
    expect(sc.ioctls.filter((i) => i.cmd === SIOCSIFFLAGS).length).toBe(3);
  });

  it('counts who wants promiscuous mode; the user counts by a flag', () => {
    const r = rig();
    const { ifp } = r.attach();
    expect(ifPromisc(ifp, true)).toBe(0);
    expect(ifPromisc(ifp, true)).toBe(0);
    expect(ifp.flags & IFF_PROMISC).toBe(IFF_PROMISC);
    ask(r, { cmd: SIOCSIFFLAGS, name: 'tst0', flags: IFF_PPROMISC });
    ifPromisc(ifp, false);
    ifPromisc(ifp, false);
    expect(ifp.flags & IFF_PROMISC).toBe(IFF_PROMISC);
    ask(r, { cmd: SIOCSIFFLAGS, name: 'tst0', flags: 0 });
    expect(ifp.flags & IFF_PROMISC).toBe(0);
    expect(ifPromisc(ifp, false)).toBe(EINVAL);
    expect(r.host.logged.map((l) => l.text)).toContain('permanently promiscuous mode enabled');
  });

  it('gives promiscuous mode back when the driver refuses', () => {
    const r = rig();
    const { ifp, sc } = r.attach();
    sc.answers.set(SIOCSIFFLAGS, EINVAL);
    expect(ifPromisc(ifp, true)).toBe(EINVAL);
    expect([ifp.promiscCount, ifp.flags & IFF_PROMISC]).toEqual([0, 0]);
  });
});

describe('capabilities', () => {
  const all = IFCAP_HWCSUM | IFCAP_HWCSUM_IPV6 | IFCAP_TSO;
  const v4 = CSUM_IP | CSUM_IP_TCP | CSUM_IP_UDP;
  const v6 = CSUM_IP6_TCP | CSUM_IP6_UDP;

  it.each([
    [0, 0],
    [IFCAP_TXCSUM, v4],
    [IFCAP_HWCSUM | IFCAP_HWCSUM_IPV6, v4 | v6],
    [IFCAP_TSO, 0],
    [all, v4 | v6 | CSUM_IP_TSO | CSUM_IP6_TSO],
  ])('derive hwassist in one place: capenable %i gives %i', (capenable, hwassist) => {
    const r = rig();
    const { ifp, h } = r.attach({ capabilities: all, capenable });
    expect(ifp.hwassist).toBe(hwassist);
    expect(r.kpi.ifGetHwassist(h)).toBe(hwassist);
  });

  it('T09 one request toggles any of them alike, masked to what the interface can do', () => {
    const r = rig();
    const { ifp, sc } = r.attach({ capabilities: all | IFCAP_TOE4, capenable: all });
    expect(ask(r, { cmd: SIOCSIFCAP, name: 'tst0', reqcap: -1 & ~IFCAP_TXCSUM })).toBe(0);
    expect(ifp.capenable).toBe((all | IFCAP_TOE4) & ~IFCAP_TXCSUM);
    expect(sc.ioctls.at(-1)).toEqual({ cmd: SIOCSIFCAP, reqcap: (all | IFCAP_TOE4) & ~IFCAP_TXCSUM });
    expect(ifp.hwassist & CSUM_IP_TCP).toBe(0);
    const get: IfReq = { cmd: SIOCGIFCAP, name: 'tst0' };
    ask(r, get);
    expect(get).toMatchObject({ reqcap: all | IFCAP_TOE4, curcap: ifp.capenable });
  });

  it('changes nothing when the driver refuses, and what cannot be toggled stays', () => {
    const r = rig();
    const { ifp, sc } = r.attach({ capabilities: all | IFCAP_NETMAP, capenable: IFCAP_NETMAP });
    sc.answers.set(SIOCSIFCAP, EINVAL);
    expect(ask(r, { cmd: SIOCSIFCAP, name: 'tst0', reqcap: all })).toBe(EINVAL);
    expect(ifp.capenable).toBe(IFCAP_NETMAP);
    sc.answers.delete(SIOCSIFCAP);
    expect(ask(r, { cmd: SIOCSIFCAP, name: 'tst0', reqcap: IFCAP_TXCSUM })).toBe(0);
    expect(ifp.capenable).toBe(IFCAP_NETMAP | IFCAP_TXCSUM);
  });
});

describe('MTU and link address', () => {
  it('keeps MTUs within bounds, asks the driver, and announces', () => {
    const r = rig();
    const { ifp, sc } = r.attach();
    const log = eventLog(r.kernel, [IFNET_MTU_EVENT]);
    const set = (mtu: number): number => ask(r, { cmd: SIOCSIFMTU, name: 'tst0', mtu });
    expect([set(71), set(65536), set(1501), set(1.5)]).toEqual([EINVAL, EINVAL, EINVAL, EINVAL]);
    expect([set(72), set(1500)]).toEqual([0, 0]);
    sc.answers.set(SIOCSIFMTU, 0);
    expect(set(9000)).toBe(0);
    sc.answers.set(SIOCSIFMTU, ENXIO);
    expect(set(1400)).toBe(ENXIO);
    expect(ifp.mtu).toBe(9000);
    expect(log.length).toBe(3);
  });

  it('takes a unicast link address of the right length', () => {
    const r = rig();
    const { ifp } = r.attach();
    r.attach({ drv: { name: 'ppp', type: IFT_PPP, ops: { transmit: (_i, m) => (mFreem(m), 0) } } });
    const log = eventLog(r.kernel, [IFLLADDR_EVENT]);
    const set = (name: string, ...b: number[]): number => ask(r, { cmd: SIOCSIFLLADDR, name, lladdr: Uint8Array.from(b) });
    expect([set('tst0', 1, 2, 3), set('tst0', 1, 0, 0, 0, 0, 1), set('ppp0', 2, 0, 0, 0, 0, 1)]).toEqual([EINVAL, EINVAL, ENODEV]);
    const old = ifp.lladdr;
    expect(set('tst0', 2, 0, 0, 0, 0, 7)).toBe(0);
    expect([ifp.lladdr?.[5], old?.[5], ifp.hwaddr?.[5]]).toEqual([7, 1, 1]);
    expect(log).toEqual(['iflladdr_event tst0']);
  });
});

describe('link state', () => {
  it('is announced from the software interrupt, several changes as one', () => {
    const r = rig();
    const { h } = r.attach();
    const log = eventLog(r.kernel, [IFNET_LINK_EVENT]);
    r.kpi.ifLinkStateChange(h, LINK_STATE_UP);
    r.kpi.ifLinkStateChange(h, LINK_STATE_UP);
    r.kpi.ifLinkStateChange(h, LINK_STATE_DOWN);
    expect(log).toEqual([]);
    r.host.settle();
    expect(log).toEqual(['ifnet_link_event tst0 1']);
    expect(r.host.logged.slice(-2).map((l) => l.text)).toEqual(['2 link states coalesced', 'link state changed to DOWN']);
  });

  it('is not announced of an interface that has gone', () => {
    const r = rig();
    const { h } = r.attach();
    const log = eventLog(r.kernel, [IFNET_LINK_EVENT]);
    r.kpi.ifLinkStateChange(h, LINK_STATE_UP);
    r.kpi.ifDetach(h);
    r.host.settle();
    expect(log).toEqual([]);
  });

  it('is not logged when net.link.log_link_state_change is 0', () => {
    const r = rig();
    const { h } = r.attach();
    r.kernel.sysctl.sysctlSet('net.link.log_link_state_change', 0, { vnet: r.vnet0, jailed: false });
    r.kpi.ifLinkStateChange(h, LINK_STATE_UP);
    const before = r.host.logged.length;
    r.host.settle();
    expect(r.host.logged.length).toBe(before);
  });
});

describe('addresses', () => {
  it('are added with events, bring the interface up, and have the defaults of their class', () => {
    const r = rig();
    const { ifp } = r.attach();
    const log = eventLog(r.kernel, [IFNET_EVENT, IFADDR_EVENT_EXT, IFADDR_EVENT]);
    expect(add(r, 'tst0', '10.0.0.1', 24)).toBe(0);
    expect(log).toEqual(['ifnet_event tst0 0', 'ifaddr_event_ext tst0 10.0.0.1 0', 'ifaddr_event tst0']);
    expect(ifp.flags & IFF_UP).toBe(IFF_UP);
    expect(add(r, 'tst0', '10.1.1.1')).toBe(0);
    expect(add(r, 'tst0', '172.16.0.1')).toBe(0);
    expect(add(r, 'tst0', '192.168.1.1')).toBe(0);
    expect(add(r, 'tst0', '2001:db8::1')).toBe(0);
    expect(list(ifp)).toEqual(['10.0.0.1/24', '10.1.1.1/8', '172.16.0.1/16', '192.168.1.1/24', '2001:db8::1/64']);
    expect(ifp.addrs.map((a) => (a.broadcast === null ? '-' : formatInAddr(a.broadcast)))).toEqual(['10.0.0.255', '10.255.255.255', '172.16.255.255', '192.168.1.255', '-']);
  });

  it('have the broadcast address of RFC 3021 on a /31, or the one that was asked for', () => {
    const r = rig();
    const { ifp } = r.attach();
    add(r, 'tst0', '10.0.0.0', 31);
    add(r, 'tst0', '10.0.1.1', 24, { broadcast: ip('10.0.1.0') });
    expect(ifp.addrs.map((a) => formatInAddr(a.broadcast as InAddr))).toEqual(['255.255.255.255', '10.0.1.0']);
  });

  it('replace themselves: delete, then add at the end', () => {
    const r = rig();
    const { ifp } = r.attach();
    add(r, 'tst0', '10.0.0.1', 24);
    add(r, 'tst0', '10.0.0.2', 24);
    const old = ifp.addrs[0];
    const log = eventLog(r.kernel, [IFADDR_EVENT_EXT]);
    expect(add(r, 'tst0', '10.0.0.1', 16)).toBe(0);
    expect(list(ifp)).toEqual(['10.0.0.2/24', '10.0.0.1/16']);
    expect(log).toEqual(['ifaddr_event_ext tst0 10.0.0.1 1', 'ifaddr_event_ext tst0 10.0.0.1 0']);
    expect(old?.live).toBe(false);
  });

  it.each([
    ['prefix too long', '10.0.0.1', 33, {}, EINVAL],
    ['negative prefix', '10.0.0.1', -1, {}, EINVAL],
    ['multicast', '224.0.0.5', 24, {}, EINVAL],
    ['IPv6 multicast', 'ff02::1', 64, {}, EINVAL],
    ['IPv6 unspecified', '::', 64, {}, EINVAL],
    ['::1 off loopback', '::1', 128, {}, EINVAL],
    ['far end off point-to-point', '10.0.0.1', 32, { dst: ip('10.0.0.2') }, EINVAL],
    ['broadcast of another family', '10.0.0.1', 24, { broadcast: ip('::1') }, EINVAL],
  ])('refuses: %s', (_name, addr, prefixlen, more, errno) => {
    const r = rig();
    const { ifp } = r.attach();
    expect(add(r, 'tst0', addr, prefixlen, more)).toBe(errno);
    expect(ifp.addrs).toEqual([]);
  });

  it('refuses the wrong request for the family', () => {
    const r = rig();
    r.attach();
    expect(ask(r, { cmd: SIOCAIFADDR, name: 'tst0', addr: { addr: ip('::1') } })).toBe(EAFNOSUPPORT);
    expect(ask(r, { cmd: SIOCAIFADDR_IN6, name: 'tst0', addr: { addr: ip('10.0.0.1') } })).toBe(EAFNOSUPPORT);
  });

  it('point-to-point interfaces want a far end (EDESTADDRREQ)', () => {
    const r = rig();
    const { ifp } = r.attach({ drv: { name: 'ppp', type: IFT_PPP, ops: { transmit: (_i, m) => (mFreem(m), 0) } }, flags: IFF_POINTOPOINT });
    expect(add(r, 'ppp0', '10.0.0.1', 32)).toBe(EDESTADDRREQ);
    expect(add(r, 'ppp0', '10.0.0.1', 32, { dst: ip('10.0.0.2') })).toBe(0);
    expect(ifaWithDstaddr(r.vnet0, ip('10.0.0.2'))).toBe(ifp.addrs[0]);
    expect(ifaWithNet(r.vnet0, ip('10.0.0.2'))).toBe(ifp.addrs[0]);
    expect(ifp.addrs[0]?.broadcast).toBeNull();
  });

  it('are not kept when the driver refuses them', () => {
    const r = rig();
    const { ifp, sc } = r.attach();
    sc.answers.set(0x690c, ENXIO);
    const log = eventLog(r.kernel, [IFADDR_EVENT_EXT]);
    expect(add(r, 'tst0', '10.0.0.1', 24)).toBe(ENXIO);
    expect([ifp.addrs, log]).toEqual([[], []]);
  });

  it('are deleted by value or the first of a family', () => {
    const r = rig();
    const { ifp } = r.attach();
    add(r, 'tst0', '2001:db8::1', 64);
    add(r, 'tst0', '10.0.0.1', 24);
    add(r, 'tst0', '10.0.0.2', 24);
    expect(ask(r, { cmd: SIOCDIFADDR, name: 'tst0', addr: ip('10.0.0.9') })).toBe(EADDRNOTAVAIL);
    expect(ask(r, { cmd: SIOCDIFADDR, name: 'tst0', addr: ip('10.0.0.2') })).toBe(0);
    expect(ask(r, { cmd: SIOCDIFADDR, name: 'tst0' })).toBe(0);
    expect(ask(r, { cmd: SIOCDIFADDR, name: 'tst0' })).toBe(EADDRNOTAVAIL);
    expect(list(ifp)).toEqual(['2001:db8::1/64']);
    expect(ask(r, { cmd: SIOCDIFADDR_IN6, name: 'tst0' })).toBe(0);
  });

  it('of link-local scope carry the zone of the interface', () => {
    const r = rig();
    r.attach();
    const { ifp } = r.attach();
    expect(add(r, 'tst1', 'fe80::1', 64)).toBe(0);
    expect(ifp.addrs[0]?.addr.zone).toBe(2);
    expect(add(r, 'tst0', 'fe80::1', 64)).toBe(0);
    expect(ask(r, { cmd: SIOCDIFADDR_IN6, name: 'tst1', addr: ip('fe80::1') })).toBe(0);
  });

  it('are found by address, broadcast address, prefix (longest first) and far end', () => {
    const r = rig();
    const a = r.attach().ifp;
    const b = r.attach().ifp;
    add(r, 'tst0', '10.0.0.1', 8);
    add(r, 'tst1', '10.1.0.1', 16);
    add(r, 'tst1', '192.168.0.1', 24);
    expect(ifaWithAddr(r.vnet0, ip('10.1.0.1'))?.ifp).toBe(b);
    expect(ifaWithAddr(r.vnet0, ip('10.255.255.255'))?.ifp).toBe(a);
    expect(ifaWithAddr(r.vnet0, ip('10.1.0.2'))).toBeNull();
    expect(ifaWithNet(r.vnet0, ip('10.1.0.2'))?.ifp).toBe(b);
    expect(ifaWithNet(r.vnet0, ip('10.2.0.2'))?.ifp).toBe(a);
    expect(ifaWithNet(r.vnet0, ip('11.0.0.1'))).toBeNull();
    expect(formatInAddr(ifaOfIfpForAddr(b, ip('192.168.0.9'))?.addr as InAddr)).toBe('192.168.0.1');
    expect(formatInAddr(ifaOfIfpForAddr(b, ip('8.8.8.8'))?.addr as InAddr)).toBe('10.1.0.1');
    expect(ifaOfIfpForAddr(b, ip('2001:db8::1'))).toBeNull();
  });
});

describe('multicast', () => {
  it('counts who asked, and shares the link address of groups that map to one', () => {
    const r = rig();
    const { ifp, sc, h } = r.attach();
    expect(ifAddMulti(ifp, ip('224.1.2.3'))).toBe(0);
    expect(ifAddMulti(ifp, ip('224.1.2.3'))).toBe(0);
    expect(ifAddMulti(ifp, ip('225.1.2.3'))).toBe(0); // the same 23 bits
    const ll: string[] = [];
    expect(r.kpi.ifForeachMaddr(h, (a, refs) => void ll.push(`${[...a].map((x) => x.toString(16)).join(':')} ${refs}`))).toBe(1);
    expect(ll).toEqual(['1:0:5e:1:2:3 2']);
    expect(sc.ioctls.filter((i) => i.cmd === SIOCADDMULTI).length).toBe(2);
    ifDelMulti(ifp, ip('224.1.2.3'));
    expect(ifp.maddrs.length).toBe(3);
    ifDelMulti(ifp, ip('224.1.2.3'));
    expect(ifp.maddrs.length).toBe(2);
    ifDelMulti(ifp, ip('225.1.2.3'));
    expect(ifp.maddrs).toEqual([]);
    expect(ifDelMulti(ifp, ip('225.1.2.3'))).toBe(ENOENT);
  });

  it('lets a user add a link address once', () => {
    const r = rig();
    r.attach();
    r.attach({ drv: { name: 'ppp', type: IFT_PPP, ops: { transmit: (_i, m) => (mFreem(m), 0) } } });
    const lladdr = Uint8Array.of(1, 0, 0x5e, 0, 0, 9);
    expect(ask(r, { cmd: SIOCADDMULTI, name: 'tst0', lladdr })).toBe(0);
    expect(ask(r, { cmd: SIOCADDMULTI, name: 'tst0', lladdr })).toBe(EADDRINUSE);
    expect(ask(r, { cmd: SIOCDELMULTI, name: 'tst0', lladdr })).toBe(0);
    expect(ask(r, { cmd: SIOCDELMULTI, name: 'tst0', lladdr })).toBe(ENOENT);
    expect(ask(r, { cmd: SIOCADDMULTI, name: 'ppp0', lladdr })).toBe(EOPNOTSUPP);
  });

  it('loses all groups with the interface', () => {
    const r = rig();
    const { ifp, h } = r.attach();
    ifUp(ifp);
    ifAddMulti(ifp, ip('224.0.0.1'));
    r.kpi.ifDetach(h);
    expect(ifp.maddrs).toEqual([]);
  });
});

describe('sysctls', () => {
  it('tell the highest index of the asking vnet, bound descriptions, and size the queue of links by a boot tunable', () => {
    const r = rig();
    const req = { vnet: r.vnet0, jailed: false };
    r.attach();
    r.attach();
    const { jail } = r.jails.jailSet({ name: 'j', vnet: 'new', persist: true });
    if (jail == null) throw new Error('jail');
    expect(r.kernel.sysctl.sysctlGet('net.link.generic.system.ifcount', req).value).toBe(2);
    expect(r.kernel.sysctl.sysctlGet('net.link.generic.system.ifcount', { vnet: jail.vnet, jailed: true }).value).toBe(0);
    expect(r.kernel.sysctl.sysctlSet('net.ifdescr_maxlen', 4, req).errno).toBe(0);
    expect([ask(r, { cmd: SIOCSIFDESCR, name: 'tst0', descr: 'abcd' }), ask(r, { cmd: SIOCSIFDESCR, name: 'tst0', descr: 'abc' })]).toEqual([ENAMETOOLONG, 0]);
    const k = new Kernel(virtualHost({ tunables: { 'net.link.ifqmaxlen': '10' } }));
    for (const mod of [netisr(), vnet(), ifnet()]) expect(k.kldload(mod).message).toBe('');
    expect(k.service(NETISR).getQlimit(NETISR_EPAIR)).toBe(420);
    expect(k.sysctl.sysctlGet('net.link.ifqmaxlen', { vnet: k.vnets.vnet0, jailed: false }).value).toBe(10);
  });
});
