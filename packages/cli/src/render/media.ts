import {
  IFM_ETH_MASTER,
  IFM_ETH_RXPAUSE,
  IFM_ETH_TXPAUSE,
  IFM_ETHER,
  IFM_FDX,
  IFM_FLOW,
  IFM_HDX,
  IFM_IMASK,
  IFM_LOOP,
  IFM_NMASK,
  ifmSubtype,
} from '@ns/ifnet-kpi';

/** Names of Ethernet subtypes by number. Source: FreeBSD net/if_media.h, IFM_SUBTYPE_ETHERNET_DESCRIPTIONS. */
const ETHERNET: readonly (readonly [number, string])[] = [
  [0, 'autoselect'],
  [1, 'manual'],
  [2, 'none'],
  [3, '10baseT/UTP'],
  [4, '10base2/BNC'],
  [5, '10base5/AUI'],
  [6, '100baseTX'],
  [7, '100baseFX'],
  [8, '100baseT4'],
  [11, '1000baseSX'],
  [14, '1000baseLX'],
  [15, '1000baseCX'],
  [16, '1000baseT'],
  [18, '10Gbase-LR'],
  [19, '10Gbase-SR'],
  [20, '10Gbase-CX4'],
  [22, '10Gbase-Twinax'],
  [23, '10Gbase-LRM'],
  [25, 'Unknown'],
  [26, '10Gbase-T'],
  [27, '40Gbase-CR4'],
  [28, '40Gbase-SR4'],
  [47, '100GBase-CR4'],
  [48, '100GBase-SR4'],
  [53, '25GBase-CR'],
];

/** Options in the order in which ifconfig prints them. */
const OPTIONS: readonly (readonly [number, string])[] = [
  [IFM_FDX, 'full-duplex'],
  [IFM_HDX, 'half-duplex'],
  [IFM_FLOW, 'flowcontrol'],
  [IFM_LOOP, 'hw-loopback'],
  [IFM_ETH_MASTER, 'master'],
  [IFM_ETH_RXPAUSE, 'rxpause'],
  [IFM_ETH_TXPAUSE, 'txpause'],
];

const subtypeName = (word: number): string => {
  const n = ifmSubtype(word);
  return ETHERNET.find(([subtype]) => subtype === n)?.[1] ?? `<unknown subtype ${n}>`;
};

const optionNames = (word: number): string[] => OPTIONS.filter(([bit]) => (word & bit) !== 0).map(([, name]) => name);

const instanceOf = (word: number): number => (word & IFM_IMASK) >>> 28;

/** A media word as in `media: Ethernet 10Gbase-SR <full-duplex>`; without `type` as in the parentheses of the active one. Source: FreeBSD print_media_word(). @public */
export function mediaWord(word: number, type: boolean): string {
  if ((word & IFM_NMASK) !== IFM_ETHER) return '<unknown type>';
  const options = optionNames(word);
  const instance = instanceOf(word);
  return `${type ? 'Ethernet ' : ''}${subtypeName(word)}${options.length > 0 ? ` <${options.join(',')}>` : ''}${instance > 0 ? ` instance ${instance}` : ''}`;
}

/** A media word as ifconfig(8) takes it: `media 10Gbase-SR mediaopt full-duplex`. Source: FreeBSD print_media_word_ifconfig(). @public */
export function mediaWordIfconfig(word: number): string {
  if ((word & IFM_NMASK) !== IFM_ETHER) return '<unknown type>';
  const options = optionNames(word);
  const instance = instanceOf(word);
  return `media ${subtypeName(word)}${options.length > 0 ? ` mediaopt ${options.join(',')}` : ''}${instance > 0 ? ` instance ${instance}` : ''}`;
}
