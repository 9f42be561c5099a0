/** What the system means when it does not start a program that was looked at before. Data in, data out. */

export interface Unstartable {
  /** In a few words. */
  readonly why: string
  /** Nothing has to be mended: it may start a little later. */
  readonly passing: boolean
  /** A command to type. */
  readonly next?: string
}

/** By errno, from execve(2) and fork(2), with what execve leaves unsaid. */
const MEANING: Readonly<Record<string, Unstartable>> = {
  E2BIG: {
    why: 'its arguments and environment are larger than the system allows (E2BIG)',
    passing: false,
    next: 'getconf ARG_MAX; env | wc -c',
  },
  EACCES: {
    why: 'this user may not execute it or its interpreter, or not enter the working folder (EACCES)',
    passing: false,
  },
  EPERM: { why: 'a rule of the system forbids this user to execute it (EPERM)', passing: false },
  ENOENT: {
    why: 'its interpreter, the loader of its libraries or the working folder is not there (ENOENT)',
    passing: false,
  },
  ENOTDIR: {
    why: 'its interpreter or the working folder lies below something that is no folder (ENOTDIR)',
    passing: false,
  },
  ENOEXEC: {
    why: 'it is no program of this system: made for another kind of machine, cut off, or a script without a #! line (ENOEXEC)',
    passing: false,
  },
  ELIBBAD: { why: 'the loader of its libraries is damaged (ELIBBAD)', passing: false },
  ELOOP: { why: 'its interpreters name one another (ELOOP)', passing: false },
  EMFILE: { why: 'this process may open no more files (EMFILE)', passing: false, next: 'ulimit -n' },
  ETXTBSY: { why: 'it is being written to (ETXTBSY)', passing: true },
  ENFILE: { why: 'the system can open no more files (ENFILE)', passing: true },
  EAGAIN: { why: 'this user, or the system, may have no more processes (EAGAIN)', passing: true, next: 'ulimit -u' },
  ENOMEM: { why: 'there is not enough memory (ENOMEM)', passing: true },
}

export const explainStart = ({ code, message }: NodeJS.ErrnoException): Unstartable =>
  MEANING[code ?? ''] ?? { why: code ?? message, passing: false }
