import type { ModuleDecl, Vnet } from '@ns/kern';
import { PFIL_IN, PFIL_INET6_NAME, PFIL_INET_NAME, PFIL_OUT, PFIL_TYPE_IP4, PFIL_TYPE_IP6, pfilModule } from '@ns/pfil-kpi';
import { CTLFLAG_RD, CTLFLAG_RWTUN, CTLFLAG_VNET, type SysctlDecl, type SysctlReq, sysctlVars } from '@ns/sysctl';
import { pfCheck, pfCheck6 } from './filter.ts';
import { PF_STATE } from './pf-vnet.ts';
import { checkRules, RULES_MAX } from './rules.ts';

type Req = SysctlReq<Vnet>;

function sysctls(): SysctlDecl<Vnet>[] {
  const v = sysctlVars('net.pf_state', (req: Req) => PF_STATE.get(req.vnet), CTLFLAG_VNET);
  const t = sysctlVars('net.pf_state.timeout', (req: Req) => PF_STATE.get(req.vnet).timeouts, CTLFLAG_VNET);
  const s = sysctlVars('net.pf_state.stats', (req: Req) => PF_STATE.get(req.vnet).stat, CTLFLAG_VNET);
  const n = sysctlVars('net.pf_state', (req: Req) => PF_STATE.get(req.vnet).table, CTLFLAG_VNET);
  const seconds = { min: 1, max: 604800 };
  return [
    v.int('limit', 'limit', CTLFLAG_RWTUN, 'Most states', { min: 1, max: 1000000 }),
    v.int('interval', 'interval', CTLFLAG_RWTUN, 'Seconds between two looks at a state for expiry', { min: 1, max: 3600 }),
    v.int('pickup', 'pickup', CTLFLAG_RWTUN, 'Seconds after loading in which connections under way are taken in', { min: 0, max: 86400 }),
    v.string('pass_in', 'passInText', CTLFLAG_RWTUN, 'What may begin from outside: tcp:PORT, udp:PORT, icmp, icmp6, on:INTERFACE', {
      max: RULES_MAX,
      check: (_req, text) => checkRules(text),
      changed: (req, text) => PF_STATE.get(req.vnet).setPassIn(text),
    }),
    n.int('states', 'count', CTLFLAG_RD, 'States'),
    t.int('tcp_first', 'tcpFirst', CTLFLAG_RWTUN, 'After the first packet of a connection', seconds),
    t.int('tcp_opening', 'tcpOpening', CTLFLAG_RWTUN, 'Before a connection is established', seconds),
    t.int('tcp_established', 'tcpEstablished', CTLFLAG_RWTUN, 'While it is established', seconds),
    t.int('tcp_closing', 'tcpClosing', CTLFLAG_RWTUN, 'After the first FIN', seconds),
    t.int('tcp_finwait', 'tcpFinwait', CTLFLAG_RWTUN, 'After both FINs', seconds),
    t.int('tcp_closed', 'tcpClosed', CTLFLAG_RWTUN, 'After both were acknowledged, or a RST', seconds),
    t.int('udp_first', 'udpFirst', CTLFLAG_RWTUN, 'After the first datagram', seconds),
    t.int('udp_single', 'udpSingle', CTLFLAG_RWTUN, 'While only one side has sent more than one', seconds),
    t.int('udp_multiple', 'udpMultiple', CTLFLAG_RWTUN, 'While both send', seconds),
    t.int('icmp_first', 'icmpFirst', CTLFLAG_RWTUN, 'After a question of ICMP', seconds),
    t.int('other_first', 'otherFirst', CTLFLAG_RWTUN, 'After the first packet of another protocol', seconds),
    t.int('other_single', 'otherSingle', CTLFLAG_RWTUN, 'While only one side has sent more than one', seconds),
    t.int('other_multiple', 'otherMultiple', CTLFLAG_RWTUN, 'While both send', seconds),
    t.int('frag', 'frag', CTLFLAG_RWTUN, 'For the other fragments of a packet', seconds),
    ...(['searches', 'inserts', 'removals', 'links', 'state_mismatch', 'blocked', 'short', 'fragment', 'state_limit', 'picked_up'] as const).map((name) => s.uint(name, name, CTLFLAG_RD, `Counter ${name}`)),
  ];
}

/**
 * Module `pf_state`: what goes out may be answered, what comes in unasked may not, in IPv4 and IPv6 of every vnet. Sysctls `net.pf_state`. Can be loaded and unloaded while the stack runs.
 * @public
 */
export function pfState(): ModuleDecl {
  return pfilModule(
    'pf_state',
    (vnet) => {
      const ruleset = PF_STATE.get(vnet);
      const flags = PFIL_IN | PFIL_OUT;
      return [
        { rulname: 'inet', head: PFIL_INET_NAME, type: PFIL_TYPE_IP4, flags, mbufChk: pfCheck, ruleset },
        { rulname: 'inet6', head: PFIL_INET6_NAME, type: PFIL_TYPE_IP6, flags, mbufChk: pfCheck6, ruleset },
      ];
    },
    { vnetVars: [PF_STATE], sysctls: sysctls() },
  );
}
