/*
 * Names of ports and protocols for output without -n. Source: IANA Service Name and Transport Protocol Port Number Registry.
 */

const SERVICES: readonly (readonly [port: number, name: string])[] = [
  [7, 'echo'],
  [9, 'discard'],
  [13, 'daytime'],
  [19, 'chargen'],
  [20, 'ftp-data'],
  [21, 'ftp'],
  [22, 'ssh'],
  [23, 'telnet'],
  [25, 'smtp'],
  [37, 'time'],
  [53, 'domain'],
  [67, 'bootps'],
  [68, 'bootpc'],
  [69, 'tftp'],
  [79, 'finger'],
  [80, 'http'],
  [88, 'kerberos-sec'],
  [110, 'pop3'],
  [111, 'sunrpc'],
  [113, 'auth'],
  [119, 'nntp'],
  [123, 'ntp'],
  [143, 'imap'],
  [161, 'snmp'],
  [162, 'snmptrap'],
  [179, 'bgp'],
  [389, 'ldap'],
  [443, 'https'],
  [445, 'microsoft-ds'],
  [465, 'submissions'],
  [514, 'syslog'],
  [515, 'printer'],
  [546, 'dhcpv6-client'],
  [547, 'dhcpv6-server'],
  [587, 'submission'],
  [636, 'ldaps'],
  [853, 'domain-s'],
  [873, 'rsync'],
  [993, 'imaps'],
  [995, 'pop3s'],
  [1080, 'socks'],
  [1883, 'mqtt'],
  [2049, 'nfsd'],
  [3306, 'mysql'],
  [4789, 'vxlan'],
  [5060, 'sip'],
  [5201, 'targus-getdata1'],
  [5353, 'mdns'],
  [5432, 'postgresql'],
  [6379, 'redis'],
  [8080, 'http-alt'],
];

/** Name of a well-known port, or null. Source: FreeBSD getservbyport(3). @public */
export function serviceName(port: number): string | null {
  for (const [p, name] of SERVICES) if (p === port) return name;
  return null;
}

/** Port of a service name or a number in text, or -1. Source: FreeBSD getservbyname(3). @public */
export function servicePort(text: string): number {
  if (/^[0-9]{1,5}$/.test(text)) return Number(text) <= 65535 ? Number(text) : -1;
  for (const [port, name] of SERVICES) if (name === text) return port;
  return -1;
}
