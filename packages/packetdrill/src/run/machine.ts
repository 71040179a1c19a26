import { ifAddAddr, ifunit, ifUp } from '@ns/ifnet';
import { type ModuleDecl, type VirtualHost, virtualHost, type Vnet } from '@ns/kern';
import { ip6 } from '@ns/ip6';
import { tcpRack } from '@ns/tcp-rack';
import { tcpSignature } from '@ns/tcp-signature';
import { createStack, defaultModules, type Stack } from '@ns/stack';
import { exec, type CliEnv } from '@ns/cli';
import { formatInAddr } from '@ns/wire';
import type { Config } from './config.ts';
import { CannotRun } from './failure.ts';
import { type ScriptLink, type ScriptLinkPlace, tunLink } from './link.ts';

/** First value of the clock: an hour that is not zero, so that nobody takes 0 for "never". */
const START_US = 3_600_000_000;

/** Modules by the names that FreeBSD has for them. */
const ALIASES: Readonly<Record<string, string>> = Object.freeze({ tcpmd5: 'tcp-signature', tcp_rack: 'tcp-rack' });

/** The default stack speaks IPv6 too. */
function withIp6(modules: readonly ModuleDecl[]): readonly ModuleDecl[] {
  return modules.some((m) => m.name === 'ip6') ? modules : [...modules, ip6()];
}

/** What a machine may be given besides the default stack. */
export interface MachineOptions {
  readonly seed?: number | undefined;
  readonly modules?: readonly ModuleDecl[] | undefined;
  readonly extra?: readonly ModuleDecl[] | undefined;
  readonly available?: readonly ModuleDecl[] | undefined;
  readonly sysctls?: Readonly<Record<string, number | string>> | undefined;
  readonly link?: ((place: ScriptLinkPlace) => ScriptLink) | undefined;
}

/** A packet that the stack has sent. */
export interface Emitted {
  readonly bytes: Uint8Array;
  /** µs of the kernel's clock. */
  readonly atUs: number;
}

/** The machine under test: a kernel of its own in virtual time, with one interface whose far end is the script. */
export class Machine {
  readonly host: VirtualHost;
  readonly stack: Stack;
  readonly link: ScriptLink;
  readonly env: CliEnv;
  /** What the stack has sent and nobody has looked at. */
  readonly sent: Emitted[];
  /** Called with each packet, in either direction, as it passes. */
  onPacket: ((direction: 'in' | 'out', bytes: Uint8Array, atUs: number) => void) | null;

  constructor(config: Config, options: MachineOptions) {
    this.sent = [];
    this.onPacket = null;
    this.host = virtualHost({ seed: options.seed ?? 1, startUs: START_US });
    const modules = options.modules ?? withIp6(defaultModules());
    const found = [...(options.available ?? []), ...modules, tcpSignature(), tcpRack()];
    this.env = { findModule: (name) => found.find((m) => m.name === (ALIASES[name] ?? name)) ?? null, process: { command: 'packetdrill', pid: 1000 } };
    this.stack = createStack({ host: this.host, modules, ...(options.extra !== undefined && { extra: options.extra }) });
    const kernel = this.stack.kernel;
    kernel.mbufs.poison = true;
    const needed = config.wireAf === 6 || config.socketAf === 6 ? 'ip6' : 'ip';
    if (!kernel.isLoaded(needed)) throw new CannotRun(1, `the ${needed} module is not loaded`);
    const make = options.link ?? tunLink;
    this.link = make({ kernel, vnet: this.vnet, mtu: config.mtu, receive: (bytes) => this.receive(bytes) });
    this.configure(config);
    for (const [name, value] of Object.entries(options.sysctls ?? {})) this.stack.host.sysctl(name, value);
    this.host.settle();
    this.sent.length = 0;
  }

  get vnet(): Vnet {
    return this.stack.host.vnet;
  }

  get nowUs(): number {
    return this.host.clock.nowUs();
  }

  /** Hands a packet to the stack, whose consequences have happened when this returns. */
  inject(bytes: Uint8Array): boolean {
    this.onPacket?.('in', bytes, this.nowUs);
    const ok = this.link.send(bytes);
    this.host.settle();
    return ok;
  }

  /** Ends the kernel. */
  shutdown(): void {
    this.stack.shutdown();
  }

  private receive(bytes: Uint8Array): void {
    const atUs = this.nowUs;
    this.sent.push({ bytes, atUs });
    this.onPacket?.('out', bytes, atUs);
  }

  private configure(config: Config): void {
    const ifp = ifunit(this.vnet, this.link.ifname);
    if (ifp === null) throw new Error(`the link has no interface '${this.link.ifname}'`);
    if (config.wireAf === 6) this.command('sysctl net.inet6.ip6.dad_count=0', true);
    // Sockets of IPv6 that are to speak IPv4: on FreeBSD whoever runs such scripts sets this.
    if (config.wireAf === 4 && config.socketAf === 6) this.command('sysctl net.inet6.ip6.v6only=0', false);
    ifUp(ifp);
    // A gateway that is the machine itself, as Google has it, is none: the peer is the neighbour then.
    const own = formatInAddr(config.localIp) === formatInAddr(config.gatewayIp);
    const dst = own ? config.remoteIp : config.gatewayIp;
    const errno = ifAddAddr(ifp, { addr: config.localIp, prefixlen: config.wireAf === 4 ? config.localPrefix : 128, dst });
    if (errno !== 0) throw new Error(`${formatInAddr(config.localIp)}: errno ${errno}`);
    this.host.advance(0);
    const family = config.wireAf === 4 ? '-net' : '-6 -net';
    const via = own ? `-interface ${this.link.ifname}` : formatInAddr(config.gatewayIp);
    this.command(`route add ${family} ${formatInAddr(config.remoteIp)}/${config.remotePrefix} ${via}`, false);
  }

  private command(line: string, mayFail: boolean): void {
    const r = exec(this.stack.kernel, line);
    if (r.code !== 0 && !mayFail) throw new Error(`${line}: ${r.stderr.trim()}`);
  }
}
