/** Types and codes by the words of scripts. */
interface IcmpType {
  readonly type: number;
  readonly codes: Readonly<Record<string, number>>;
}

const V4: Readonly<Record<string, IcmpType>> = Object.freeze({
  unreachable: {
    type: 3,
    codes: {
      net_unreachable: 0, host_unreachable: 1, protocol_unreachable: 2, port_unreachable: 3, frag_needed: 4, source_route_failed: 5, net_unknown: 6, host_unknown: 7,
      source_host_isolated: 8, net_prohibited: 9, host_prohibited: 10, net_unreachable_for_tos: 11, host_unreachable_for_tos: 12, packet_filtered: 13, precedence_violation: 14,
      precedence_cutoff: 15,
    },
  },
  echo_reply: { type: 0, codes: {} },
  source_quench: { type: 4, codes: {} },
  redirect: { type: 5, codes: {} },
  echo_request: { type: 8, codes: {} },
  time_exceeded: { type: 11, codes: { ttl_exceeded_in_transit: 0, exceeded_in_transit: 0, frag_reass_exceeded: 1 } },
  parameter_problem: { type: 12, codes: {} },
});

const V6: Readonly<Record<string, IcmpType>> = Object.freeze({
  unreachable: { type: 1, codes: { no_route: 0, admin_prohibited: 1, not_neighbour: 2, address_unreachable: 3, port_unreachable: 4 } },
  packet_too_big: { type: 2, codes: {} },
  time_exceeded: { type: 3, codes: { exceeded_hop_limit: 0, exceeded_frag_time: 1 } },
  parameter_problem: { type: 4, codes: { header_field: 0, unknown_next_header: 1, unknown_option: 2 } },
  echo_request: { type: 128, codes: {} },
  echo_reply: { type: 129, codes: {} },
});

const numbered = (word: string, prefix: string): number | null => {
  const m = new RegExp(`^${prefix}_([0-9]{1,3})$`).exec(word);
  return m === null || Number(m[1]) > 255 ? null : Number(m[1]);
};

/** Type and code of a message; a text that says what is wrong if there is no such. */
export function icmpNumbers(af: 4 | 6, typeWord: string, codeWord: string | null): { readonly type: number; readonly code: number } | string {
  const known = (af === 4 ? V4 : V6)[typeWord];
  const type = known?.type ?? numbered(typeWord, 'type');
  if (type === null) return `unknown ICMP type '${typeWord}'`;
  if (codeWord === null) return { type, code: 0 };
  const code = known?.codes[codeWord] ?? numbered(codeWord, 'code');
  return code === null ? `unknown code '${codeWord}' of ICMP type '${typeWord}'` : { type, code };
}

/** Where the MTU is: the low half of the second word in IPv4, all of it in IPv6. */
export function icmpTakesMtu(af: 4 | 6, type: number, code: number): boolean {
  return af === 4 ? type === 3 && code === 4 : type === 2;
}
