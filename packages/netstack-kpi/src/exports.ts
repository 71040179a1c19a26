import { EACCES, EINVAL, ENOENT, EPERM } from '@ns/errno';
import { type Cidr, type InAddr, maskInAddr, prefixMatches } from '@ns/wire';
import { type ExportArgs, type ExportCheck, MAXSECFLAVORS, MNT_DEFEXPORTED, MNT_DELEXPORT, MNT_EXPORTED } from './netstack.ts';

interface Export {
  /** Null for the default. */
  readonly net: Cidr | null;
  readonly flags: number;
  readonly anon: number;
  readonly secflavors: readonly number[];
}

/**
 * Who may use which mount: what a stack with an address tree keeps behind {@link Netstack}. Longest prefix first; the default last.
 * Source: FreeBSD vfs_export.c.
 * @public
 */
export class ExportTable {
  private readonly mounts: Map<object, readonly Export[]>;

  constructor() {
    this.mounts = new Map();
  }

  /** Mounts with exports. */
  get size(): number {
    return this.mounts.size;
  }

  /**
   * Adds an export, or with MNT_DELEXPORT forgets those that there are (ENOENT if there is none). EPERM for a network, or a default, that is exported already;
   * EINVAL for no or too many security flavours, or a prefix that the address cannot have. Source: vfs_export().
   */
  vfsExport(mount: object, args: ExportArgs): number {
    if ((args.flags & MNT_EXPORTED) !== 0 && (args.secflavors.length < 1 || args.secflavors.length > MAXSECFLAVORS)) return EINVAL;
    if ((args.flags & MNT_DELEXPORT) !== 0 && !this.mounts.delete(mount)) return ENOENT;
    return (args.flags & MNT_EXPORTED) !== 0 ? this.add(mount, args) : 0;
  }

  /** Forgets all exports of a mount. Source: vfs_free_addrlist(). */
  vfsFreeExports(mount: object): void {
    this.mounts.delete(mount);
  }

  /** Fills `out` with the export that serves `client`; EACCES if none does. Source: vfs_stdcheckexp(). */
  vfsCheckExport(mount: object, client: InAddr, out: ExportCheck): number {
    for (const e of this.mounts.get(mount) ?? []) {
      if (e.net !== null && !prefixMatches(e.net.addr, client, e.net.prefixlen)) continue;
      out.flags = e.flags;
      out.anon = e.anon;
      out.secflavors = e.secflavors;
      return 0;
    }
    return EACCES;
  }

  private add(mount: object, args: ExportArgs): number {
    const net = args.net === null ? null : { addr: maskInAddr(args.net.addr, args.net.prefixlen), prefixlen: args.net.prefixlen };
    const list = this.mounts.get(mount) ?? [];
    if (list.some((e) => sameNet(e.net, net))) return EPERM;
    const flags = net === null ? args.flags | MNT_DEFEXPORTED : args.flags;
    const added: Export = { net, flags, anon: args.anon, secflavors: [...args.secflavors] };
    this.mounts.set(mount, [...list, added].sort((a, b) => (b.net?.prefixlen ?? -1) - (a.net?.prefixlen ?? -1)));
    return 0;
  }
}

function sameNet(a: Cidr | null, b: Cidr | null): boolean {
  if (a === null || b === null) return a === b;
  return a.prefixlen === b.prefixlen && prefixMatches(a.addr, b.addr, a.prefixlen);
}
