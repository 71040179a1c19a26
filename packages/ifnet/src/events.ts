import { EventKey } from '@ns/kern';
import type { Ifaddr } from './ifaddr.ts';
import type { Ifnet } from './ifnet.ts';

/** An interface is there: fields are set, it is in the table. Also after a move, in the new vnet. @public */
export const IFNET_ARRIVAL_EVENT: EventKey<[ifp: Ifnet]> = new EventKey('ifnet_arrival_event');
/** An interface goes away from its vnet: it is down and has no addresses, but is still in the table. Whoever keeps something for it lets go. @public */
export const IFNET_DEPARTURE_EVENT: EventKey<[ifp: Ifnet]> = new EventKey('ifnet_departure_event');
/** The link state has changed to LINK_STATE_*. @public */
export const IFNET_LINK_EVENT: EventKey<[ifp: Ifnet, linkState: number]> = new EventKey('ifnet_link_event');
/** IFNET_EVENT_*. @public */
export const IFNET_EVENT: EventKey<[ifp: Ifnet, event: number]> = new EventKey('ifnet_event');
/** The name has changed. @public */
export const IFNET_RENAME_EVENT: EventKey<[ifp: Ifnet, oldName: string]> = new EventKey('ifnet_rename_event');
/** The MTU has changed. @public */
export const IFNET_MTU_EVENT: EventKey<[ifp: Ifnet]> = new EventKey('ifnet_mtu_event');
/** Addresses have changed. @public */
export const IFADDR_EVENT: EventKey<[ifp: Ifnet]> = new EventKey('ifaddr_event');
/** An address has come (IFADDR_EVENT_ADD: it is in the list) or gone (IFADDR_EVENT_DEL: it is in it no more). Invoked before {@link IFADDR_EVENT}. @public */
export const IFADDR_EVENT_EXT: EventKey<[ifp: Ifnet, ifa: Ifaddr, event: number]> = new EventKey('ifaddr_event_ext');
/** The link-layer address has changed. @public */
export const IFLLADDR_EVENT: EventKey<[ifp: Ifnet]> = new EventKey('iflladdr_event');
/** An interface has joined a group. @public */
export const GROUP_ATTACH_EVENT: EventKey<[ifp: Ifnet, group: string]> = new EventKey('group_attach_event');
/** An interface has left a group. @public */
export const GROUP_DETACH_EVENT: EventKey<[ifp: Ifnet, group: string]> = new EventKey('group_detach_event');
/** A cloner has come or gone. @public */
export const IF_CLONE_EVENT: EventKey<[name: string]> = new EventKey('if_clone_event');

/** IFNET_EVENT: went up (IFF_UP). Source: FreeBSD if_var.h. @public */
export const IFNET_EVENT_UP = 0;
/** IFNET_EVENT: went down. @public */
export const IFNET_EVENT_DOWN = 1;
/** IFNET_EVENT: the baud rate has changed. @public */
export const IFNET_EVENT_UPDATE_BAUDRATE = 3;
