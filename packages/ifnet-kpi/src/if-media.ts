/*
 * Media words. Values are FreeBSD's net/if_media.h.
 */

/** Media type: Ethernet. @public */
export const IFM_ETHER = 0x20;
/** Mask of the media type. @public */
export const IFM_NMASK = 0xe0;
/** Mask of the subtype; subtypes above 31 continue in {@link IFM_TMASK_EXT}. @public */
export const IFM_TMASK = 0x1f;
/** Bits 16 to 19: bits 5 to 8 of an Ethernet subtype above 31. @public */
export const IFM_TMASK_EXT = 0x000f0000;
/** Mask of options of one type. @public */
export const IFM_OMASK = 0x0000ff00;
/** Option: receive pause frames. @public */
export const IFM_ETH_RXPAUSE = 0x00000200;
/** Option: send pause frames. @public */
export const IFM_ETH_TXPAUSE = 0x00000400;
/** Option: master of a 1000baseT link. @public */
export const IFM_ETH_MASTER = 0x00000100;
/** Mask of options of all types. @public */
export const IFM_GMASK = 0x0ff00000;
/** Full duplex. @public */
export const IFM_FDX = 0x00100000;
/** Half duplex. @public */
export const IFM_HDX = 0x00200000;
/** Flow control. @public */
export const IFM_FLOW = 0x00400000;
/** Loopback. @public */
export const IFM_LOOP = 0x08000000;
/** Mask of the instance. @public */
export const IFM_IMASK: number = 0xf0000000 | 0;

/** Subtype: choose the best. @public */
export const IFM_AUTO = 0;
/** Subtype: left to the user. @public */
export const IFM_MANUAL = 1;
/** Subtype: none. @public */
export const IFM_NONE = 2;
/** Subtype: 10baseT. @public */
export const IFM_10_T = 3;
/** Subtype: 100baseTX. @public */
export const IFM_100_TX = 6;
/** Subtype: 1000baseT. @public */
export const IFM_1000_T = 16;
/** Subtype: 10GbaseSR. @public */
export const IFM_10G_SR = 19;
/** Subtype: 10G twin-axial copper. @public */
export const IFM_10G_TWINAX = 22;
/** Subtype: recognised, but not known. @public */
export const IFM_UNKNOWN = 25;
/** Subtype: 10GbaseT. @public */
export const IFM_10G_T = 26;
/** Subtype: 40GbaseCR4. @public */
export const IFM_40G_CR4 = 27;
/** Subtype: 40GbaseSR4. @public */
export const IFM_40G_SR4 = 28;

/** Status: the status is meaningful. @public */
export const IFM_AVALID = 1;
/** Status: the link is up. @public */
export const IFM_ACTIVE = 2;

/** Subtype of an Ethernet media word, the extension taken into account. @public */
export const ifmSubtype = (word: number): number => (word & IFM_TMASK) | ((word & IFM_TMASK_EXT) >>> 11);

/**
 * What an interface can be set to, and what it is set to.
 * Source: FreeBSD struct ifmedia.
 * @public
 */
export interface IfMedia {
  /** The words that may be chosen, in the order in which ifconfig -m lists them. */
  readonly list: readonly number[];
  /** The word that is chosen. */
  readonly current: number;
}

/** Answer of a driver to what its link is at the moment. @public */
export interface IfMediaStatus {
  /** The active word. */
  active: number;
  /** IFM_AVALID and IFM_ACTIVE. */
  status: number;
}
