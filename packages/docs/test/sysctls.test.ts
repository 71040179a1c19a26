import { readFileSync, writeFileSync } from 'node:fs';
import { virtualHost } from '@ns/kern';
import { createStack } from '@ns/stack';
import { CTLFLAG_SKIP, CTLFLAG_TUN, CTLFLAG_WR, formatSysctlValue, type SysctlNode } from '@ns/sysctl';
import { tcpRack } from '@ns/tcp-rack';
import { tcpSignature } from '@ns/tcp-signature';
import { credSysctlReq } from '@ns/vnet';
import { describe, expect, it } from 'vitest';

const PAGE = new URL('../sysctls.md', import.meta.url);
const BELOW = ['net.inet.ip.portrange', 'net.inet.tcp', 'net.inet6.tcp6', 'net.inet.udp', 'net.inet6.udp6', 'net.inet6.ip6', 'net.inet6.icmp6', 'net.inet6.mld'];

/** Variables of FreeBSD 13 and 14 below net.inet.tcp, net.inet.udp, net.inet.ip.portrange and net.inet6 that mean something without debug options: `a.{b,c}` is two. */
const FREEBSD = `
always_keepalive keepidle keepintvl keepinit keepcnt msl delayed_ack delacktime rexmit_initial rexmit_min rexmit_slop retries maxunacktime rexmit_drop_options persmin persmax
finwait2_timeout fast_finwait2_recycle maxtcptw nolocaltimewait per_cpu_timers mssdflt v6mssdflt minmss path_mtu_discovery pmtud_blackhole_detection pmtud_blackhole_mss v6pmtud_blackhole_mss rfc1323
rfc3042 rfc3390 rfc3465 abc_l_var initcwnd_segments newcwv do_prr sack.{enable,maxholes,globalmaxholes,globalholes} ecn.{enable,maxretries} sendspace recvspace sendbuf_auto sendbuf_inc
sendbuf_max sendbuf_auto_lowat recvbuf_auto recvbuf_max tso blackhole blackhole_local drop_synfin insecure_rst insecure_syn ack_war_cnt ack_war_timewindow icmp_may_rst log_in_vain log_debug
isn_reseed_interval ts_offset_per_conn tolerate_missing_ts soreceive_stream tcbhashsize do_tcpdrain pcbcount states stats pcblist drop getcred require_unique_port signature_verify_input
reass.{maxsegments,cursegments,maxqueuelen,queueguard,new_limit} syncookies syncookies_only syncache.{hashsize,bucketlimit,cachelimit,count,rexmtlimit,rst_on_sock_fail,see_other}
hostcache.{enable,hashsize,bucketlimit,cachelimit,count,expire,prune,purge,purgenow,list} udp_tunneling_port udp_tunneling_overhead
fastopen.{acceptany,autokey,ccache_bucket_limit,ccache_buckets,ccache_list,client_enable,keylen,maxkeys,maxpsks,numkeys,numpsks,path_disable_time,psk_enable,server_enable,setkey,setpsk}
functions_available functions_default function_info functions_inherit_listen_socket_stack map_limit cc.{algorithm,available,abe,abe_frlossreduce} cc.newreno.{beta,beta_ecn}
cc.hystartplusplus.{minrtt_thresh,maxrtt_thresh,n_rttsamples,css_growth_div,css_rounds,bblogs} lro.entries`;
const IP6 = `
forwarding redirect hlim stats accept_rtadv no_radr norbit_raif rfc6204w3 log_interval log_cannot_forward hdrnestlimit dad_count dad_enhanced auto_flowlabel defmcasthlim gifhlim kame_version use_deprecated
rr_prune use_tempaddr temppltime tempvltime v6only auto_linklocal rip6stats prefer_tempaddr use_defaultzone deembed_scopeid maxfragpackets maxfrags maxfragsperpacket maxfragbucketsize fragpackets frags
fraglifetime_ms mcast_pmtu mcast.{maxgrpsrc,maxsocksrc,loop,filters} addrctlpolicy intr_queue_maxlen intr_queue_drops maxifprefixes maxifdefrouters maxdynroutes source_address_validation
connect_in6addr_wild use_stableaddr stableaddr_maxretries`;
const ICMP6 = `
rediraccept redirtimeout stats nd6_prune nd6_delay nd6_umaxtries nd6_mmaxtries nd6_useloopback nodeinfo nodeinfo_oldmcprefix errppslimit nd6_debug nd6_onlink_ns_rfc4861 nd6_drlist nd6_prlist nd6_maxqueuelen
nd6_gctimer`;
const MLD = 'gsrdelay v1enable v2enable use_allow ifinfo';
const UDP = 'checksum maxdgram recvspace log_in_vain blackhole stats pcblist getcred';
const PORTRANGE = 'first last hifirst hilast lowfirst lowlast reservedhigh reservedlow randomized randomcps randomtime';

function names(prefix: string, list: string): string[] {
  return list
    .trim()
    .split(/\s+/)
    .flatMap((w) => {
      const m = /^(.*)\{(.*)\}$/.exec(w);
      return m === null ? [w] : m[2]!.split(',').map((x) => m[1]! + x);
    })
    .map((n) => `${prefix}.${n}`);
}

function boot(): { nodes: SysctlNode<unknown>[]; value: (n: SysctlNode<unknown>) => string } {
  const { kernel, host } = createStack({ host: virtualHost(), extra: [tcpRack(), tcpSignature()] });
  const req = credSysctlReq(host.cred);
  const nodes = BELOW.flatMap((name) => kernel.sysctl.list(name, true) ?? []).sort((a, b) => (a.name < b.name ? -1 : 1));
  const value = (n: SysctlNode<unknown>): string => {
    const got = (n.flags & CTLFLAG_SKIP) !== 0 || n.type === 'opaque' ? null : kernel.sysctl.sysctlGet(n.name, req).value;
    const text = got === null ? '' : formatSysctlValue(n, got, {});
    return text.includes('\n') ? '' : text;
  };
  return { nodes: nodes as SysctlNode<unknown>[], value };
}

/** W may be written, T takes a boot tunable, S is not shown by `sysctl -a`. */
const letters = (flags: number): string => `${(flags & CTLFLAG_WR) !== 0 ? 'W' : ''}${(flags & CTLFLAG_TUN) !== 0 ? 'T' : ''}${(flags & CTLFLAG_SKIP) !== 0 ? 'S' : ''}`;

/** Names in the first column of the table of what is not here. */
const absent = (text: string): string[] => [...text.slice(text.indexOf('## Not here')).matchAll(/^\| `([^`]+)`/gm)].flatMap((m) => names('', m[1]!).map((n) => n.slice(1)));

describe('the page of sysctls', () => {
  it('lists what a stack has, with what it begins with', () => {
    const { nodes, value } = boot();
    const rows = nodes.map((n) => `| \`${n.name}\` | ${value(n)} | ${letters(n.flags)} | ${n.descr.replaceAll('|', '\\|')} |`);
    const table = ['| | at first | | |', '|---|---|---|---|', ...rows].join('\n');
    const text = readFileSync(PAGE, 'utf8');
    const now = text.replace(/<!-- table -->[^]*<!-- \/table -->/, () => `<!-- table -->\n${table}\n<!-- /table -->`);
    if (process.env['NS_UPDATE'] === '1') writeFileSync(PAGE, now);
    else expect(now).toBe(text);
  });

  it('has each of FreeBSD among them, or among those that are not here, and none among both', () => {
    const here = new Set(boot().nodes.map((n) => n.name));
    const without = absent(readFileSync(PAGE, 'utf8'));
    const wanted = [...names('net.inet.tcp', FREEBSD), ...names('net.inet.udp', UDP), ...names('net.inet.ip.portrange', PORTRANGE), ...names('net.inet6.ip6', IP6), ...names('net.inet6.icmp6', ICMP6), ...names('net.inet6.mld', MLD), 'net.inet6.tcp6.getcred', 'net.inet6.udp6.getcred'];
    expect(wanted.filter((n) => !here.has(n) && !without.includes(n))).toEqual([]);
    expect(without.filter((n) => here.has(n))).toEqual([]);
    expect(wanted.length).toBeGreaterThan(140);
  });

  it('says what each is', () => {
    expect(boot().nodes.filter((n) => n.descr === '').map((n) => n.name)).toEqual([]);
  });
});
