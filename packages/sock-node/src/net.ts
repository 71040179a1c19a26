import { isIP, isIPv4, isIPv6, type LookupFunction } from 'node:net';
import type { Vnet } from '@ns/kern';
import type { Jail, Ucred } from '@ns/vnet';
import { NetContext } from './context.ts';
import { type DgramOptions, NodeDgram, type RemoteInfo } from './dgram.ts';
import { NodeServer, type ServerOptions } from './server.ts';
import { NodeSocket, type SocketOptions } from './socket.ts';
