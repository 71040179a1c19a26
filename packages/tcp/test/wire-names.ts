export { AF_INET, decodeTcpHdr, decodeTcpOpts, formatTcpFlags, IPPROTO_TCP, parseCidr, parseEtherAddr, parseInAddr, Sockaddr, TcpHdr, TcpOpt } from '@ns/wire';
export { SOCK_STREAM as SOCK_STREAM_ } from '@ns/socket';
