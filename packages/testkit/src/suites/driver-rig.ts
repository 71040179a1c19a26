import { ether } from '@ns/ether';
import { ifioctl, ifnet, ifnetOf, type Ifnet } from '@ns/ifnet';
import { IFF_UP, type if_t, type IfnetKpi, IFNET_KPI, type IfReq, IFT_ETHER, SIOCSIFCAP, SIOCSIFFLAGS } from '@ns/ifnet-kpi';
import { Kernel, type ModuleDecl, virtualHost, type VirtualHost, type Vnet } from '@ns/kern';
import { type Mbuf, mFreem, mToBytes } from '@ns/mbuf';
import { NETISR, netisr, NETISR_IP, NETISR_POLICY_SOURCE } from '@ns/netisr';
import { ETHER_HDR_LEN } from '@ns/wire';
import { JAILS, type Ucred, vnet } from '@ns/vnet';

/** Long enough for any link to hand over what it holds, µs. */
const FLIGHT_US = 1_000_000;

/** What a driver's author gives the suite. @public */
export interface IfnetDriverUnderTest {
  /** The module that brings it. */
  readonly mod: () => ModuleDecl;
  /** Other modules that it needs besides netisr, vnet, ifnet and ether. */
  readonly needs?: readonly (() => ModuleDecl)[];
  /** Makes two interfaces in `vnet` (down, as attached): what `a` sends, `b` receives. One that hears itself is both. */
  readonly make: (kernel: Kernel, vnet: Vnet) => { readonly a: if_t; readonly b: if_t };
  /** Takes them away again; without: they live as long as their vnet. */
  readonly destroy?: (kernel: Kernel, a: if_t, b: if_t) => void;
  /** What does not apply: 'move' (cannot go to another vnet), 'linkstate' (the link is up by itself), 'bpf' (taps are the type's). */
  readonly without?: readonly ('move' | 'linkstate' | 'bpf')[];
}

/** A frame that came out at `b`. */
export interface Came {
  readonly bytes: Uint8Array;
  readonly csumFlags: number;
  readonly rcvif: unknown;
}

/** A kernel with the driver in it and its two ends. */
export class DriverRig {
  readonly host: VirtualHost;
  readonly kernel: Kernel;
  readonly kpi: IfnetKpi;
  readonly vnet: Vnet;
  readonly cred: Ucred;
  readonly a: if_t;
  readonly b: if_t;
  /** What came out at b. */
  readonly came: Came[];
  readonly dut: IfnetDriverUnderTest;

  constructor(dut: IfnetDriverUnderTest, up = true) {
    this.dut = dut;
    this.host = virtualHost({ seed: 1, startUs: 1_000_000 });
    this.kernel = new Kernel(this.host);
    this.kernel.mbufs.poison = true;
    for (const mod of [netisr(), vnet(), ifnet(), ether(), ...(dut.needs ?? []).map((f) => f()), dut.mod()]) {
      const r = this.kernel.kldload(mod);
      if (r.errno !== 0) throw new Error(`${mod.name}: ${r.message}`);
    }
    this.kpi = this.kernel.service(IFNET_KPI);
    this.vnet = this.kernel.vnets.vnet0;
    this.cred = this.kernel.service(JAILS).cred;
    const { a, b } = dut.make(this.kernel, this.vnet);
    this.a = a;
    this.b = b;
    this.came = [];
    // Loopback hands over to the network protocol; everything else is caught before its interface type.
    if (this.linkhdr === 0) {
      this.kernel.service(NETISR).register({ proto: NETISR_IP, name: 'suite', handler: (m) => this.take(m), policy: NETISR_POLICY_SOURCE });
    } else {
      this.kpi.ifPushOverlay(b, { origin: 'suite', softc: null, ops: { input: (_ifp, m) => this.take(m) } });
    }
    if (up) {
      this.up(a, true);
      this.up(b, true);
    }
    this.run();
    this.came.length = 0;
  }

  private take(m: Mbuf): void {
    this.came.push({ bytes: mToBytes(m), csumFlags: m.csumFlags, rcvif: m.rcvif });
    mFreem(m);
  }

  /** A control request on an interface, in the vnet where it is and by its superuser. */
  ioctl(ifp: if_t, req: IfReq): number {
    const vnet = this.kpi.ifGetVnet(ifp);
    const owner = this.kernel.service(JAILS).list().find((j) => j.vnet === vnet);
    return ifioctl(vnet, req.cmd, req, owner?.cred ?? this.cred);
  }

  up(ifp: if_t, on: boolean): number {
    const flags = this.kpi.ifGetFlags(ifp);
    return this.ioctl(ifp, { cmd: SIOCSIFFLAGS, name: this.kpi.ifName(ifp), flags: on ? flags | IFF_UP : flags & ~IFF_UP });
  }

  caps(ifp: if_t, on: number, off: number): number {
    return this.ioctl(ifp, { cmd: SIOCSIFCAP, name: this.kpi.ifName(ifp), reqcap: (this.kpi.ifGetCapenable(ifp) | on) & ~off });
  }

  /** Lets everything arrive. */
  run(): void {
    this.host.advance(FLIGHT_US);
  }

  get linkhdr(): number {
    return this.kpi.ifGetType(this.a) === IFT_ETHER ? ETHER_HDR_LEN : 0;
  }

  /** Addresses of a frame from a to b; null without a link header. */
  get ends(): { readonly dst: Uint8Array; readonly src: Uint8Array } | null {
    const [dst, src] = [this.kpi.ifGetLladdr(this.b), this.kpi.ifGetLladdr(this.a)];
    return this.linkhdr === 0 || dst === null || src === null ? null : { dst: dst.slice(), src: src.slice() };
  }

  mbuf(bytes: Uint8Array): Mbuf {
    const m = this.kernel.mbufs.fromBytes(bytes, 64);
    if (m === null) throw new Error('no mbufs');
    return m;
  }

  /** Sends bytes from a; returns the errno. */
  send(bytes: Uint8Array): number {
    return this.kpi.ifTransmit(this.a, this.mbuf(bytes));
  }

  ifnet(ifp: if_t): Ifnet {
    return ifnetOf(ifp);
  }
}
