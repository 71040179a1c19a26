import type { Vnet } from '@ns/kern';
import type { Cidr, InAddr } from '@ns/wire';

/** Version of {@link Netstack}: six methods. Version 1 had four, see {@link NetstackV1}. @public */
export const NETSTACK_VERSION = 2;

/** Capability: the stack takes coalesced segments (LRO). @public */
export const NETSTACK_CAP_LRO = 0x1;
/** Capability: the stack takes frames from several receive queues. @public */
export const NETSTACK_CAP_MQ = 0x2;
/** All capabilities. @public */
export const NETSTACK_CAP_ALL = 0x3;

/**
 * What a stack may touch of a new socket.
 * @public
 */
export interface NetstackSocket {
  /** The virtual stack that it is made in; absent = the first one of the kernel. */
  readonly vnet?: Vnet;
  /** Routing table of the socket. */
  fibnum: number;
}

/**
 * What a stack sees of a protocol.
 * @public
 */
export interface NetstackProto {
  /** Address family, AF_*. */
  readonly domain: number;
}

/**
 * What a stack sees of a credential.
 * @public
 */
export interface NetstackCred {
  /** Routing table of the process. */
  readonly fibnum: number;
}

/** Export flag: the mount is exported to `net`. @public */
export const MNT_EXPORTED = 0x100;
/** Export flag: and to all clients of no network named. Set by the stack for an export without `net`. @public */
export const MNT_DEFEXPORTED = 0x200;
/** Export flag: forget all exports of the mount. @public */
export const MNT_DELEXPORT = 0x20000;

/** Most security flavours of an export. @public */
export const MAXSECFLAVORS = 5;

/**
 * Arguments of an export of a mount point to the clients of one network, or to all others.
 * Source: FreeBSD sys/mount.h, struct export_args.
 * @public
 */
export interface ExportArgs {
  /** MNT_EXPORTED or MNT_DELEXPORT, and other bits, which a check gives back. */
  readonly flags: number;
  /** The network; null = the default, for clients of no network named. */
  readonly net: Cidr | null;
  /** User that strangers become. */
  readonly anon: number;
  /** Security flavours, 1 to 5 of them. */
  readonly secflavors: readonly number[];
}

/**
 * What {@link Netstack.vfsCheckExport} found; owned by the caller.
 * @public
 */
export interface ExportCheck {
  /** Flags of the export that serves the client. */
  flags: number;
  /** User that strangers become. */
  anon: number;
  /** Security flavours that the client may use. */
  secflavors: readonly number[];
}

/**
 * A whole network stack behind socreate(): what the rest of a system asks of the one that is there.
 *
 * Control path only: no method is called for a packet. Registered by {@link netstackRegister}; reached through {@link curnetstack}, never kept.
 * @public
 */
export interface Netstack {
  /** For people: `bsd`. */
  readonly name: string;
  /** NETSTACK_VERSION that it was written for. */
  readonly version: typeof NETSTACK_VERSION;

  /** A socket was made: before access control has its say and before the protocol attaches. */
  socreate(so: NetstackSocket, proto: NetstackProto, cred: NetstackCred): void;

  /** Sets export options of `mount`, an object known by its identity. Returns an errno; ENXIO if the stack has no exports. */
  vfsExport(mount: object, args: ExportArgs): number;
  /** Forgets all exports of `mount`: it goes, or failed to come. */
  vfsFreeExports(mount: object): void;
  /** May this client use this mount? Fills `out` when it returns 0; EACCES if not; ENXIO if the stack has no exports. */
  vfsCheckExport(mount: object, client: InAddr, out: ExportCheck): number;

  /** NETSTACK_CAP_* bits: what drivers may hand up. */
  capabilities(): number;
  /** Whether a socket may use routing table `fib`. */
  validFib(so: NetstackSocket, fib: number): boolean;
}

/**
 * The first version of the interface: without capabilities (none) and validFib (table 0 only), which {@link netstackRegister} fills in.
 * @public
 */
export interface NetstackV1 extends Pick<Netstack, 'name' | 'socreate' | 'vfsExport' | 'vfsFreeExports' | 'vfsCheckExport'> {
  /** The first. */
  readonly version: 1;
}
