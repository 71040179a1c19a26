import { PFIL_TYPE_ETHERNET, PFIL_TYPE_IP4, PFIL_TYPE_IP6 } from '@ns/pfil-kpi';
import type { FiltersSnapshot } from '../snapshot/pfil.ts';
import { checkSnapshot } from '../snapshot/version.ts';
import { left, right, vis } from '../text/format.ts';

function typeName(type: number): string {
  switch (type) {
    case PFIL_TYPE_IP4: return 'IPv4';
    case PFIL_TYPE_IP6: return 'IPv6';
    case PFIL_TYPE_ETHERNET: return 'Ethernet';
    default: return String(type);
  }
}

/** `module:ruleset`, the module at the right of its column. */
function hookName(name: string): string {
  const at = name.indexOf(':');
  return `${right(vis(name.slice(0, at)), 16)}:${vis(name.slice(at + 1))}`;
}

/** Heads with their hooks, as `pfilctl heads` shows them. Source: FreeBSD sbin/pfilctl/pfilctl.c, listheads(). @public */
export function renderPfilHeads(s: FiltersSnapshot): string {
  checkSnapshot('pfilctl', s);
  const rows = [`${right('Intercept point', 16)} ${right('Type', 8)} ${right('Dir', 3)} ${right('Hook', 16)}`];
  for (const h of s.heads) {
    rows.push(`${right(vis(h.name), 16)} ${right(typeName(h.type), 8)}`);
    for (const k of h.hooksIn) rows.push(`${right('In', 29)} ${hookName(k)}`);
    for (const k of h.hooksOut) rows.push(`${right('Out', 29)} ${hookName(k)}`);
  }
  return rows.map((r) => `${r}\n`).join('');
}

/** Hooks, as `pfilctl hooks` shows them. Source: FreeBSD sbin/pfilctl/pfilctl.c, listhooks(). @public */
export function renderPfilHooks(s: FiltersSnapshot): string {
  checkSnapshot('pfilctl', s);
  const rows = [`${right('Hook', 16)} ${right('', 16)} ${right('Type', 8)}`];
  for (const k of s.hooks) rows.push(`${right(vis(k.modname), 16)}:${left(vis(k.rulname), 16)} ${right(typeName(k.type), 8)}`);
  return rows.map((r) => `${r}\n`).join('');
}
