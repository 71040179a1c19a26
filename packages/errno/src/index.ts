/**
 * Error numbers with the values of FreeBSD, their names and texts, and the one error class that applications see.
 *
 * Inside the stack a function returns one of these numbers (0 means success); only a face turns it into a {@link NetError}.
 *
 * ```ts
 * import { ECONNREFUSED, NetError, errnoName, exceptionWithHostPort, strerror } from '@ns/errno';
 *
 * errnoName(ECONNREFUSED);                       // => 'ECONNREFUSED'
 * strerror(ECONNREFUSED);                        // => 'Connection refused'
 * const err = exceptionWithHostPort(ECONNREFUSED, 'connect', '10.0.0.1', 80);
 * err.message;                                   // => 'connect ECONNREFUSED 10.0.0.1:80'
 * err.code;                                      // => 'ECONNREFUSED'
 * err.errno;                                     // => -61, as libuv has it on FreeBSD
 * err instanceof NetError;                       // => true, in every loaded copy of this package
 * ```
 *
 * @packageDocumentation
 */
export {
  EPERM, ENOENT, ESRCH, EINTR, EIO, ENXIO, E2BIG, ENOEXEC, EBADF, ECHILD, EDEADLK, ENOMEM, EACCES, EFAULT, ENOTBLK,
  EBUSY, EEXIST, EXDEV, ENODEV, ENOTDIR, EISDIR, EINVAL, ENFILE, EMFILE, ENOTTY, ETXTBSY, EFBIG, ENOSPC, ESPIPE,
  EROFS, EMLINK, EPIPE, EDOM, ERANGE, EAGAIN, EWOULDBLOCK, EINPROGRESS, EALREADY, ENOTSOCK, EDESTADDRREQ, EMSGSIZE,
  EPROTOTYPE, ENOPROTOOPT, EPROTONOSUPPORT, ESOCKTNOSUPPORT, EOPNOTSUPP, ENOTSUP, EPFNOSUPPORT, EAFNOSUPPORT,
  EADDRINUSE, EADDRNOTAVAIL, ENETDOWN, ENETUNREACH, ENETRESET, ECONNABORTED, ECONNRESET, ENOBUFS, EISCONN, ENOTCONN,
  ESHUTDOWN, ETOOMANYREFS, ETIMEDOUT, ECONNREFUSED, ELOOP, ENAMETOOLONG, EHOSTDOWN, EHOSTUNREACH, ENOTEMPTY, EPROCLIM,
  EUSERS, EDQUOT, ESTALE, EREMOTE, EBADRPC, ERPCMISMATCH, EPROGUNAVAIL, EPROGMISMATCH, EPROCUNAVAIL, ENOLCK, ENOSYS,
  EFTYPE, EAUTH, ENEEDAUTH, EIDRM, ENOMSG, EOVERFLOW, ECANCELED, EILSEQ, ENOATTR, EDOOFUS, EBADMSG, EMULTIHOP,
  ENOLINK, EPROTO, ENOTCAPABLE, ECAPMODE, ENOTRECOVERABLE, EOWNERDEAD, EINTEGRITY, ELAST, ERESTART, EJUSTRETURN,
  ENOIOCTL, EDIRIOCTL, ERELOOKUP,
} from './codes.ts';
export { errnoByName, errnoName, strerror, uvStrerror } from './strerror.ts';
export { NetError, errnoException, exceptionWithHostPort, uvException, uvExceptionWithHostPort } from './net-error.ts';
