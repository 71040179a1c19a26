import { EPERM } from '@ns/errno';
import { MAC_VERSION, type MacCred, type MacPolicy, type MacSocket, MPC_LOADTIME_FLAG_UNLOADOK } from '@ns/mac-kpi';
import { AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP, type Sockaddr } from '@ns/wire';
import { parseRules, type Rule } from './rules.ts';

const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;

/**
 * The policy of one kernel, with its settings.
 * Source: FreeBSD security/mac_portacl/mac_portacl.c.
 */
export class Portacl implements MacPolicy {
  readonly name = 'mac_portacl';
  readonly fullname = 'MAC/portacl';
  readonly version: typeof MAC_VERSION = MAC_VERSION;
  readonly loadtimeFlags: number = MPC_LOADTIME_FLAG_UNLOADOK;
  /** security.mac.portacl.enabled. */
  enabled: number;
  /** security.mac.portacl.suser_exempt. */
  suserExempt: number;
  /** security.mac.portacl.autoport_exempt. */
  autoportExempt: number;
  /** security.mac.portacl.port_high. */
  portHigh: number;
  /** security.mac.portacl.rules, as it was written. */
  text: string;
  private rules: readonly Rule[];

  constructor() {
    this.enabled = 1;
    this.suserExempt = 1;
    this.autoportExempt = 1;
    this.portHigh = 1023;
    this.text = '';
    this.rules = [];
  }

  /** Takes other rules; EINVAL leaves those that there are. */
  setRules(text: string): number {
    const rules = parseRules(text);
    if (typeof rules === 'number') return rules;
    this.rules = rules;
    return 0;
  }

  /** Only ports that are asked for are limited; connecting chooses its own. */
  socketCheckBind(cred: MacCred, so: MacSocket, addr: Sockaddr): number {
    if (this.enabled === 0) return 0;
    if (so.domain !== AF_INET && so.domain !== AF_INET6) return 0;
    if (so.type !== SOCK_STREAM && so.type !== SOCK_DGRAM) return 0;
    if (this.autoportExempt !== 0 && addr.port === 0 && !so.lowport) return 0;
    return this.rulesCheck(cred, so.type === SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP, addr.port);
  }

  /** Source: FreeBSD mac_portacl.c, rules_check(). */
  private rulesCheck(cred: MacCred, protocol: number, port: number): number {
    if (port > this.portHigh) return 0;
    for (const r of this.rules) if (r.protocol === protocol && r.port === port && r.uid === cred.uid) return 0;
    return this.suserExempt !== 0 && mayBindReserved(cred) ? 0 : EPERM;
  }
}

/** Source: FreeBSD priv_check_cred(PRIV_NETINET_RESERVEDPORT) and prison_priv_check(). */
function mayBindReserved(cred: MacCred): boolean {
  return cred.uid === 0 && (cred.jail === null || cred.jail.allow['reserved_ports'] === true);
}
