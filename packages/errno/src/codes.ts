/*
 * Error numbers with FreeBSD's values. Functions of the stack return them as positive numbers, 0 for success.
 *
 * Source: FreeBSD sys/errno.h.
 */

/** Operation not permitted. @public */
export const EPERM = 1;
/** No such file or directory. @public */
export const ENOENT = 2;
/** No such process. @public */
export const ESRCH = 3;
/** Interrupted system call. @public */
export const EINTR = 4;
/** Input/output error. @public */
export const EIO = 5;
/** Device not configured. @public */
export const ENXIO = 6;
/** Argument list too long. @public */
export const E2BIG = 7;
/** Exec format error. @public */
export const ENOEXEC = 8;
/** Bad file descriptor. @public */
export const EBADF = 9;
/** No child processes. @public */
export const ECHILD = 10;
/** Resource deadlock avoided. @public */
export const EDEADLK = 11;
/** Cannot allocate memory. @public */
export const ENOMEM = 12;
/** Permission denied. @public */
export const EACCES = 13;
/** Bad address. @public */
export const EFAULT = 14;
/** Block device required. @public */
export const ENOTBLK = 15;
/** Device busy. @public */
export const EBUSY = 16;
/** File exists. @public */
export const EEXIST = 17;
/** Cross-device link. @public */
export const EXDEV = 18;
/** Operation not supported by device. @public */
export const ENODEV = 19;
/** Not a directory. @public */
export const ENOTDIR = 20;
/** Is a directory. @public */
export const EISDIR = 21;
/** Invalid argument. @public */
export const EINVAL = 22;
/** Too many open files in system. @public */
export const ENFILE = 23;
/** Too many open files. @public */
export const EMFILE = 24;
/** Inappropriate ioctl for device. @public */
export const ENOTTY = 25;
/** Text file busy. @public */
export const ETXTBSY = 26;
/** File too large. @public */
export const EFBIG = 27;
/** No space left on device. @public */
export const ENOSPC = 28;
/** Illegal seek. @public */
export const ESPIPE = 29;
/** Read-only file system. @public */
export const EROFS = 30;
/** Too many links. @public */
export const EMLINK = 31;
/** Broken pipe. @public */
export const EPIPE = 32;
/** Numerical argument out of domain. @public */
export const EDOM = 33;
/** Result too large. @public */
export const ERANGE = 34;
/** Resource temporarily unavailable. @public */
export const EAGAIN = 35;
/** The same number as EAGAIN: the operation would block. @public */
export const EWOULDBLOCK: 35 = EAGAIN;
/** Operation now in progress. @public */
export const EINPROGRESS = 36;
/** Operation already in progress. @public */
export const EALREADY = 37;
/** Socket operation on non-socket. @public */
export const ENOTSOCK = 38;
/** Destination address required. @public */
export const EDESTADDRREQ = 39;
/** Message too long. @public */
export const EMSGSIZE = 40;
/** Protocol wrong type for socket. @public */
export const EPROTOTYPE = 41;
/** Protocol not available. @public */
export const ENOPROTOOPT = 42;
/** Protocol not supported. @public */
export const EPROTONOSUPPORT = 43;
/** Socket type not supported. @public */
export const ESOCKTNOSUPPORT = 44;
/** Operation not supported. @public */
export const EOPNOTSUPP = 45;
/** The same number as EOPNOTSUPP. @public */
export const ENOTSUP: 45 = EOPNOTSUPP;
/** Protocol family not supported. @public */
export const EPFNOSUPPORT = 46;
/** Address family not supported by protocol family. @public */
export const EAFNOSUPPORT = 47;
/** Address already in use. @public */
export const EADDRINUSE = 48;
/** Can't assign requested address. @public */
export const EADDRNOTAVAIL = 49;
/** Network is down. @public */
export const ENETDOWN = 50;
/** Network is unreachable. @public */
export const ENETUNREACH = 51;
/** Network dropped connection on reset. @public */
export const ENETRESET = 52;
/** Software caused connection abort. @public */
export const ECONNABORTED = 53;
/** Connection reset by peer. @public */
export const ECONNRESET = 54;
/** No buffer space available. @public */
export const ENOBUFS = 55;
/** Socket is already connected. @public */
export const EISCONN = 56;
/** Socket is not connected. @public */
export const ENOTCONN = 57;
/** Can't send after socket shutdown. @public */
export const ESHUTDOWN = 58;
/** Too many references: can't splice. @public */
export const ETOOMANYREFS = 59;
/** Operation timed out. @public */
export const ETIMEDOUT = 60;
/** Connection refused. @public */
export const ECONNREFUSED = 61;
/** Too many levels of symbolic links. @public */
export const ELOOP = 62;
/** File name too long. @public */
export const ENAMETOOLONG = 63;
/** Host is down. @public */
export const EHOSTDOWN = 64;
/** No route to host. @public */
export const EHOSTUNREACH = 65;
/** Directory not empty. @public */
export const ENOTEMPTY = 66;
/** Too many processes. @public */
export const EPROCLIM = 67;
/** Too many users. @public */
export const EUSERS = 68;
/** Disc quota exceeded. @public */
export const EDQUOT = 69;
/** Stale NFS file handle. @public */
export const ESTALE = 70;
/** Too many levels of remote in path. @public */
export const EREMOTE = 71;
/** RPC struct is bad. @public */
export const EBADRPC = 72;
/** RPC version wrong. @public */
export const ERPCMISMATCH = 73;
/** RPC prog. not avail. @public */
export const EPROGUNAVAIL = 74;
/** Program version wrong. @public */
export const EPROGMISMATCH = 75;
/** Bad procedure for program. @public */
export const EPROCUNAVAIL = 76;
/** No locks available. @public */
export const ENOLCK = 77;
/** Function not implemented. @public */
export const ENOSYS = 78;
/** Inappropriate file type or format. @public */
export const EFTYPE = 79;
/** Authentication error. @public */
export const EAUTH = 80;
/** Need authenticator. @public */
export const ENEEDAUTH = 81;
/** Identifier removed. @public */
export const EIDRM = 82;
/** No message of desired type. @public */
export const ENOMSG = 83;
/** Value too large to be stored in data type. @public */
export const EOVERFLOW = 84;
/** Operation canceled. @public */
export const ECANCELED = 85;
/** Illegal byte sequence. @public */
export const EILSEQ = 86;
/** Attribute not found. @public */
export const ENOATTR = 87;
/** Programming error. @public */
export const EDOOFUS = 88;
/** Bad message. @public */
export const EBADMSG = 89;
/** Multihop attempted. @public */
export const EMULTIHOP = 90;
/** Link has been severed. @public */
export const ENOLINK = 91;
/** Protocol error. @public */
export const EPROTO = 92;
/** Capabilities insufficient. @public */
export const ENOTCAPABLE = 93;
/** Not permitted in capability mode. @public */
export const ECAPMODE = 94;
/** State not recoverable. @public */
export const ENOTRECOVERABLE = 95;
/** Previous owner died. @public */
export const EOWNERDEAD = 96;
/** Integrity check failed. @public */
export const EINTEGRITY = 97;
/** The largest error number. @public */
export const ELAST = 97;

/** Kernel-internal: restart the system call. Never reaches an application. @public */
export const ERESTART = -1;
/** Kernel-internal: the handler already set up the return. Never reaches an application. @public */
export const EJUSTRETURN = -2;
/** Kernel-internal: this layer does not handle the ioctl, ask the next. @public */
export const ENOIOCTL = -3;
/** Kernel-internal: redo the ioctl in the caller's context. @public */
export const EDIRIOCTL = -4;
/** Kernel-internal: repeat the lookup. @public */
export const ERELOOKUP = -5;
