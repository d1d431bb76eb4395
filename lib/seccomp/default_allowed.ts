/**
 * The system calls that the default profile allows, by what they are for. What stands neither here
 * nor in `default_blocked.ts` does not exist for the command (ENOSYS): calls that the kernel gets
 * in the future, until somebody has looked at them.
 *
 * @module
 */

import type { FilterableCall } from "../spec.ts";

/** Names between spaces. A test looks whether the kernel has each of them. */
export function calls(names: string): FilterableCall[] {
  return names.trim().split(/\s+/) as FilterableCall[];
}

/** Allowed with any arguments. */
export const ALLOWED: Readonly<Record<string, readonly FilterableCall[]>> = {
  "files by descriptor": calls(`
    read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek close
    close_range dup dup2 dup3 fcntl flock fsync fdatasync ftruncate fallocate fadvise64
    readahead sync_file_range copy_file_range sendfile splice tee vmsplice getdents getdents64
    fstat fstatfs cachestat
  `),
  "files by path": calls(`
    stat lstat newfstatat statx statfs ustat access faccessat faccessat2 readlink readlinkat
    truncate rename renameat renameat2 mkdir mkdirat rmdir link linkat unlink unlinkat symlink
    symlinkat chown fchown lchown fchownat utime utimes utimensat futimesat getcwd chdir fchdir
    umask sync syncfs name_to_handle_at file_getattr file_setattr
  `),
  "extended attributes": calls(`
    getxattr lgetxattr fgetxattr getxattrat setxattr lsetxattr fsetxattr setxattrat listxattr
    llistxattr flistxattr listxattrat removexattr lremovexattr fremovexattr removexattrat
  `),
  "what is mounted, to read only": calls(`
    statmount listmount
  `),
  "waiting for files": calls(`
    poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait
    epoll_pwait2 epoll_ctl_old epoll_wait_old inotify_init inotify_init1 inotify_add_watch
    inotify_rm_watch eventfd eventfd2 pipe pipe2 io_setup io_destroy io_submit io_cancel
    io_getevents io_pgetevents
  `),
  "memory": calls(`
    mmap munmap mremap mprotect brk madvise msync mincore mlock mlock2 munlock mlockall
    munlockall mseal map_shadow_stack remap_file_pages pkey_alloc pkey_free pkey_mprotect
    memfd_create memfd_secret membarrier get_mempolicy
  `),
  "processes": calls(`
    fork vfork execve execveat exit exit_group wait4 waitid getpid getppid gettid getpgid
    setpgid getpgrp getsid setsid pidfd_open prctl arch_prctl set_tid_address set_thread_area
    get_thread_area rseq set_robust_list get_robust_list restart_syscall uname sysinfo getrusage
    times getcpu getrlimit setrlimit prlimit64 getpriority setpriority ioprio_get ioprio_set
  `),
  "scheduling of its own processes": calls(`
    sched_yield sched_getaffinity sched_setaffinity sched_getattr sched_setattr sched_getparam
    sched_setparam sched_getscheduler sched_setscheduler sched_get_priority_max
    sched_get_priority_min sched_rr_get_interval
  `),
  "waiting for threads": calls(`
    futex futex_waitv futex_wake futex_wait futex_requeue
  `),
  "signals": calls(`
    kill tkill tgkill pidfd_send_signal rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending
    rt_sigsuspend rt_sigtimedwait rt_sigqueueinfo rt_tgsigqueueinfo sigaltstack signalfd
    signalfd4 pause
  `),
  "ids": calls(`
    getuid geteuid getgid getegid getresuid getresgid getgroups setuid setgid setreuid setregid
    setresuid setresgid setgroups setfsuid setfsgid capget capset
  `),
  "clocks and timers, to read and to wait": calls(`
    time gettimeofday clock_gettime clock_getres clock_nanosleep nanosleep alarm getitimer
    setitimer timer_create timer_settime timer_gettime timer_getoverrun timer_delete
    timerfd_create timerfd_settime timerfd_gettime
  `),
  "sockets, once they are made": calls(`
    bind connect listen accept accept4 getsockname getpeername shutdown getsockopt setsockopt
    sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg
  `),
  "IPC, in a namespace of its own": calls(`
    shmget shmat shmdt shmctl semget semop semtimedop semctl msgget msgsnd msgrcv msgctl mq_open
    mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr
  `),
  "randomness": calls(`
    getrandom
  `),
  "giving up more rights": calls(`
    seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self lsm_get_self_attr
    lsm_list_modules
  `),
};
