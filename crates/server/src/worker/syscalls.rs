//! The system calls that a worker may make.
//!
//! Decoding and encoding need memory, threads, clocks and the one socket. Every other call ends the
//! process with SIGSYS, so that an attack is cut off and a codec that needs one more is seen at once.
//! The kernel logs the number of the call (`type=1326 … syscall=…`); `strace -f` shows it too. A call
//! is added to [`allowed`] when a codec cannot do without it, and to [`PROBES`] when a library only
//! asks and can live with a no.

use crate::protocol::Wall;
use seccompiler::{
    BackendError, BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter_all_threads,
};
use std::collections::BTreeMap;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// The flags with which the C library starts a thread, and nothing else: all is shared, so it is no
/// process, and no namespace is new.
const THREAD: u64 = (libc::CLONE_VM
    | libc::CLONE_FS
    | libc::CLONE_FILES
    | libc::CLONE_SIGHAND
    | libc::CLONE_THREAD
    | libc::CLONE_SYSVSEM
    | libc::CLONE_SETTLS
    | libc::CLONE_PARENT_SETTID
    | libc::CLONE_CHILD_CLEARTID) as u64;

/// musl sets this flag too; kernels since 2.6 ignore it.
const DETACHED: u64 = libc::CLONE_DETACHED as u64;

/// Names a range of memory, which the C library may do; the constant is not in `libc` for every system.
const PR_SET_VMA: i32 = 0x5356_4d41;

/// Calls that are allowed whatever their arguments are.
const FREE: &[i64] = &[
    // The protocol and standard error. A descriptor leads to the server or to memory alone.
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
    libc::SYS_ppoll,
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    // Files in memory.
    libc::SYS_memfd_create,
    libc::SYS_fstat,
    libc::SYS_lseek,
    libc::SYS_pread64,
    // Memory; what maps it is below.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    // Threads.
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_getcpu,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_exit,
    // The end of the process, also by a fault of its own.
    libc::SYS_exit_group,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    // Time and chance.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
];

/// Calls by which libraries only look around, for instance for the number of processors: they are
/// told that it is not permitted, and go on.
const PROBES: &[i64] = &[
    libc::SYS_openat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_readlinkat,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_getcwd,
    libc::SYS_ioctl,
    libc::SYS_uname,
    libc::SYS_sysinfo,
];

/// The same under the numbers that only older architectures have.
#[cfg(target_arch = "x86_64")]
const OLD_FREE: &[i64] = &[libc::SYS_poll, libc::SYS_time];
#[cfg(target_arch = "x86_64")]
const OLD_PROBES: &[i64] =
    &[libc::SYS_open, libc::SYS_stat, libc::SYS_lstat, libc::SYS_readlink, libc::SYS_access];
#[cfg(not(target_arch = "x86_64"))]
const OLD_FREE: &[i64] = &[];
#[cfg(not(target_arch = "x86_64"))]
const OLD_PROBES: &[i64] = &[];

/// Installs the filter for this process, for good. `Missing` when the kernel has no filters.
pub(super) fn filter() -> Result<Wall, BackendError> {
    let own_process = u64::from(rustix::process::getpid().as_raw_nonzero().get().cast_unsigned());
    let denied: Rules = probes().map(|call| (call, Vec::new())).collect();
    // Its flags are in memory, where a filter cannot see them. Told that there is no such call, the
    // C library takes `clone`.
    let unseen = Rules::from([(libc::SYS_clone3, Vec::new())]);
    // The strictest verdict of all filters counts. The one that refuses to install more comes last.
    for program in [
        compile(denied, SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow)?,
        compile(unseen, SeccompAction::Errno(libc::ENOSYS as u32), SeccompAction::Allow)?,
        compile(allowed(own_process)?, SeccompAction::Allow, SeccompAction::KillProcess)?,
    ] {
        match apply_filter_all_threads(&program) {
            Ok(()) => {}
            Err(Error::Backend(error)) => return Err(error),
            Err(error) => {
                eprintln!("render worker: no filter of system calls: {error}");
                return Ok(Wall::Missing);
            }
        }
    }
    Ok(Wall::Whole)
}

fn compile(
    rules: Rules,
    matched: SeccompAction,
    otherwise: SeccompAction,
) -> Result<BpfProgram, BackendError> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    SeccompFilter::new(rules, otherwise, matched, architecture)?.try_into()
}

fn probes() -> impl Iterator<Item = i64> {
    PROBES.iter().chain(OLD_PROBES).copied()
}

/// Every call that does not end the process, with what its arguments must be. No rule means any.
fn allowed(own_process: u64) -> Result<Rules, BackendError> {
    let mut rules: Rules = FREE.iter().chain(OLD_FREE).map(|call| (*call, Vec::new())).collect();
    // Judged by the other filters.
    rules.extend(probes().chain([libc::SYS_clone3]).map(|call| (call, Vec::new())));
    let no_code = masked(2, libc::PROT_EXEC as u64, 0)?;
    let one_of = |argument, values: &[i32]| {
        let rule = |value: &i32| SeccompRule::new(vec![equal(argument, *value as u64)?]);
        values.iter().map(rule).collect::<Result<Vec<_>, _>>()
    };
    rules.extend([
        // Memory that was written is never run.
        (libc::SYS_mmap, vec![SeccompRule::new(vec![no_code.clone()])?]),
        (libc::SYS_mprotect, vec![SeccompRule::new(vec![no_code])?]),
        (libc::SYS_clone, vec![SeccompRule::new(vec![masked(0, !DETACHED, THREAD)?])?]),
        // Names of threads and of memory; the rest of it changes what the process may do.
        (libc::SYS_prctl, one_of(0, &[libc::PR_SET_NAME, PR_SET_VMA])?),
        // Others of its commands send signals (F_SETOWN) or copy descriptors.
        (libc::SYS_fcntl, one_of(1, &[libc::F_GETFD, libc::F_GETFL, libc::F_GET_SEALS, libc::F_ADD_SEALS])?),
        // Limits may be read, not set, and only those of this process.
        (libc::SYS_prlimit64, vec![SeccompRule::new(vec![equal(0, 0)?, masked(2, u64::MAX, 0)?])?]),
        // By this the C library ends the process itself.
        (libc::SYS_tgkill, vec![SeccompRule::new(vec![equal(0, own_process)?])?]),
    ]);
    Ok(rules)
}

/// The kernel takes this argument as 32 bits.
fn equal(argument: u8, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

/// These bits of the argument, all 64 of which count, are those of the value.
fn masked(argument: u8, bits: u64, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(bits), value)
}

#[cfg(test)]
#[path = "syscalls_tests.rs"]
mod tests;
