import type { Socket } from '@ns/socket';

/** State of a script's socket: how far its connection has come. */
export type SocketStage = 'created' | 'connecting' | 'syn-sent' | 'syn-acked' | 'passive' | 'synack-sent';

/**
 * A connection as the script sees it: which packets belong to it, and how its numbers stand to those of the wire.
 * Source: packetdrill socket.h, struct socket.
 */
export class ScriptSocket {
  stage: SocketStage;
  /** Number in the script; -1: no descriptor. */
  fd: number;
  /** The stack's socket, once there is a descriptor. */
  so: Socket | null;
  localPort: number;
  /** 0 = there is no far end. */
  remotePort: number;
  /** Our ISN in the script and on the wire. */
  scriptLocalIsn: number;
  liveLocalIsn: number;
  /** The peer's. */
  scriptRemoteIsn: number;
  liveRemoteIsn: number;
  /** Our time stamps: the script's value to that of the wire. */
  readonly tsval: Map<number, number>;
  /** First of our time stamps, in both; null before. */
  tsBase: { readonly script: number; readonly live: number; readonly atUs: number } | null;

  constructor() {
    this.stage = 'created';
    this.fd = -1;
    this.so = null;
    this.localPort = 0;
    this.remotePort = 0;
    this.scriptLocalIsn = 0;
    this.liveLocalIsn = 0;
    this.scriptRemoteIsn = 0;
    this.liveRemoteIsn = 0;
    this.tsval = new Map();
    this.tsBase = null;
  }

  /** What is added to one of our numbers to get that of the wire: to seq of what comes out, to ack and SACK edges of what goes in. */
  localOffset(syn: boolean): number {
    return syn ? this.liveLocalIsn - this.scriptLocalIsn : this.liveLocalIsn;
  }

  /** The same for the peer's numbers. */
  remoteOffset(syn: boolean): number {
    return syn ? this.liveRemoteIsn - this.scriptRemoteIsn : this.liveRemoteIsn;
  }
}
