/** A script. @public */
export interface Script {
  /** `--name=value` lines, in order. */
  readonly options: readonly ScriptOption[];
  /** Command before everything, in host time. */
  readonly init: CommandNode | null;
  /** What happens, in order. */
  readonly events: readonly ScriptEvent[];
  /** Command after everything, also after a failure. */
  readonly cleanup: CommandNode | null;
}

/** `--name=value`. @public */
export interface ScriptOption {
  /** Name, without the dashes. */
  readonly name: string;
  /** Value as text; '' if there is none. */
  readonly value: string;
  /** Line in the script. */
  readonly line: number;
}

/**
 * When something happens, µs. `absolute` counts from the start of the script, `relative` from the end of the event before; `from` and `to` differ for ranges only.
 * @public
 */
export interface EventTime {
  /** `any` is `*`. */
  readonly kind: 'absolute' | 'relative' | 'any';
  /** Earliest. */
  readonly fromUs: number;
  /** Latest. */
  readonly toUs: number;
}

/** One thing that happens. @public */
export interface ScriptEvent {
  /** When. */
  readonly time: EventTime;
  /** When a blocking call ends, on the scale of `time`; null for all else. */
  readonly endUs: number | null;
  /** What. */
  readonly action: PacketNode | CallNode | CommandNode | CodeNode;
  /** Line in the script. */
  readonly line: number;
  /** The event as it is written, in one line. */
  readonly text: string;
}

/** A shell command. @public */
export interface CommandNode {
  /** Discriminant. */
  readonly type: 'command';
  /** What the shell gets. */
  readonly command: string;
  /** Line in the script. */
  readonly line: number;
}

/** A code block. @public */
export interface CodeNode {
  /** Discriminant. */
  readonly type: 'code';
  /** Python, or as much of it as is understood. */
  readonly code: string;
  /** Line in the script. */
  readonly line: number;
}

/** A system call with the result that is expected. @public */
export interface CallNode {
  /** Discriminant. */
  readonly type: 'call';
  /** `connect` */
  readonly name: string;
  /** Arguments. */
  readonly args: readonly Expr[];
  /** Value expected; null = any. */
  readonly result: Expr | null;
  /** Name of the errno expected; null = not said. */
  readonly errno: string | null;
  /** Line in the script. */
  readonly line: number;
}

/** An argument or value. @public */
export type Expr =
  | { readonly type: 'ellipsis' }
  | { readonly type: 'int'; readonly value: number; readonly hex: boolean }
  | { readonly type: 'word'; readonly name: string }
  /** `more`: `"abc"...`, any text that begins so. */
  | { readonly type: 'string'; readonly value: string; readonly more: boolean }
  | { readonly type: 'or'; readonly terms: readonly Expr[] }
  | { readonly type: 'array'; readonly items: readonly Expr[] }
  | { readonly type: 'apply'; readonly name: string; readonly arg: Expr }
  | { readonly type: 'struct'; readonly fields: readonly StructField[] };

/** A field of a struct in braces; `name` is '' for a field that is given by its place. @public */
export interface StructField {
  /** `msg_iov` */
  readonly name: string;
  /** What stands in parentheses behind the name: `msg_iov(2)`. */
  readonly arg: Expr | null;
  /** Its value. */
  readonly value: Expr;
}

/** A packet that goes in or is to come out. @public */
export interface PacketNode {
  /** Discriminant. */
  readonly type: 'packet';
  /** `in` is `<`, towards the stack. */
  readonly direction: 'in' | 'out';
  /** Fields of the innermost IP header. */
  readonly ip: IpSpec;
  /** Headers in front of that, the outermost first. */
  readonly encaps: readonly EncapSpec[];
  /** Ports, where the script names them. */
  readonly ports: PortPair | null;
  /** What the packet carries. */
  readonly body: TcpSpec | UdpSpec | IcmpSpec;
  /** UDP ports of a TCP segment inside UDP. */
  readonly udp: PortPair | null;
  /** Line in the script. */
  readonly line: number;
}

/** What a script says about an IP header; null = not said. @public */
export interface IpSpec {
  /** Time to live or hop limit. */
  readonly ttl: number | null;
  /** Type of service or traffic class, all eight bits. */
  readonly tos: number | null;
  /** DSCP, six bits. */
  readonly dscp: number | null;
  /** ECN, two bits; -1 = ECT(0) or ECT(1). */
  readonly ecn: number | null;
  /** Flow label. */
  readonly flow: number | null;
}

/** A header around a packet. @public */
export type EncapSpec =
  | { readonly type: 'ip'; readonly af: 4 | 6; readonly src: string; readonly dst: string; readonly ip: IpSpec }
  | { readonly type: 'gre'; readonly text: string }
  | { readonly type: 'mpls'; readonly labels: readonly MplsLabel[] }
  | { readonly type: 'psp'; readonly spi: number };

/** An entry of an MPLS label stack. @public */
export interface MplsLabel {
  /** 20 bits. */
  readonly label: number;
  /** Traffic class. */
  readonly tc: number;
  /** Bottom of the stack. */
  readonly bottom: boolean;
  /** Time to live. */
  readonly ttl: number;
}

/** `sport > dport`. @public */
export interface PortPair {
  /** Source. */
  readonly src: number;
  /** Destination. */
  readonly dst: number;
}

/** A TCP segment. Sequence numbers are the script's, unsigned. @public */
export interface TcpSpec {
  /** Discriminant. */
  readonly type: 'tcp';
  /** TH_* bits, AE (0x100) among them. */
  readonly flags: number;
  /** Null = not looked at. */
  readonly seq: number | null;
  /** The number is that of the wire. */
  readonly seqAbsolute: boolean;
  /** Bytes of data. */
  readonly len: number;
  /** 0 if there is none. */
  readonly ack: number;
  /** Whether one is written. */
  readonly hasAck: boolean;
  /** The 16-bit field; null = any. */
  readonly win: number | null;
  /** Urgent pointer. */
  readonly urg: number;
  /** Null: `<...>`, not looked at. */
  readonly options: readonly TcpOptionSpec[] | null;
  /** Reset diagnostics. */
  readonly diag: { readonly code: number; readonly pen: number } | null;
}

/** A TCP option. @public */
export type TcpOptionSpec =
  | { readonly type: 'nop' | 'eol' | 'sackOK' }
  | { readonly type: 'mss' | 'wscale'; readonly value: number }
  | { readonly type: 'sack'; readonly blocks: readonly (readonly [left: number, right: number])[] }
  /** null = not looked at; `ecrAbsolute`: not translated. */
  | { readonly type: 'ts'; readonly val: number | null; readonly ecr: number | null; readonly ecrAbsolute: boolean }
  | { readonly type: 'fo'; readonly experimental: boolean; readonly cookie: Uint8Array }
  /** null = valid. */
  | { readonly type: 'md5'; readonly digest: Uint8Array | null }
  | { readonly type: 'raw'; readonly kind: number; readonly data: Uint8Array };

/** A UDP datagram. @public */
export interface UdpSpec {
  /** Discriminant. */
  readonly type: 'udp';
  /** Bytes of data. */
  readonly len: number;
}

/** An ICMP message. @public */
export interface IcmpSpec {
  /** Discriminant. */
  readonly type: 'icmp';
  /** `unreachable`, or `type_3`. */
  readonly icmpType: string;
  /** `port_unreachable`, `code_3`; null = 0. */
  readonly icmpCode: string | null;
  /** Of frag_needed and packet_too_big. */
  readonly mtu: number | null;
  /** Of an echo. */
  readonly id: number | null;
  /** The packet that it complains about. */
  readonly quote: IcmpQuoteSpec | null;
}

/** What an ICMP error quotes. @public */
export type IcmpQuoteSpec =
  | { readonly type: 'tcp'; readonly seq: number; readonly len: number; readonly udp: PortPair | null }
  | { readonly type: 'udp' | 'raw'; readonly len: number };
