import { EINVAL } from '@ns/errno';
import { IPPROTO_TCP, IPPROTO_UDP } from '@ns/wire';

/** Longest text of security.mac.portacl.rules. Source: FreeBSD mac_portacl.c, MAC_RULE_STRING_LEN, which counts the NUL. */
export const RULES_MAX = 1023;

/** Largest uid. */
const UID_MAX = 0xffffffff;
const PORT_MAX = 65535;

/** A user may bind a port. */
export interface Rule {
  readonly uid: number;
  /** IPPROTO_TCP or IPPROTO_UDP. */
  readonly protocol: number;
  /** 0 = a port of the stack's choice. */
  readonly port: number;
}

/**
 * The rules of a text `uid:<id>:<tcp|udp>:<port>,...`; empty elements are skipped. EINVAL for anything else.
 *
 * Differs: credentials have no groups here, so that a rule for a `gid` could only look as if it worked: EINVAL. FreeBSD reads numbers by strtol(), spaces and all, takes
 * an empty one for 0, the superuser, and cuts large ones; here they are EINVAL.
 * Source: FreeBSD mac_portacl.c, parse_rules().
 */
export function parseRules(text: string): readonly Rule[] | number {
  const rules: Rule[] = [];
  for (const element of text.split(',')) {
    if (element === '') continue;
    const rule = parseRule(element);
    if (rule === null) return EINVAL;
    rules.push(rule);
  }
  return rules;
}

function parseRule(element: string): Rule | null {
  const m = /^uid:(\d{1,10}):(tcp|udp):(\d{1,5})$/.exec(element);
  if (m === null) return null;
  const uid = Number(m[1]);
  const port = Number(m[3]);
  if (uid > UID_MAX || port > PORT_MAX) return null;
  return { uid, protocol: m[2] === 'tcp' ? IPPROTO_TCP : IPPROTO_UDP, port };
}
