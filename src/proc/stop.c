/* Seizes, interrupts, waits and detaches, see stop.h. */
#include "proc/stop.h"

#include "base/clock.h"
#include "proc/machine.h"

#include <elf.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

/* The watcher looks this often whether a wait goes on; one that it sees twice is ended. On a busy
 * machine a thread waits this long for a CPU. */
static const uint64_t WATCH_NS = 200 * 1000 * 1000;

/* Between looks at something that takes another thread some microseconds. */
static const uint64_t PAUSE_NS = 50 * 1000;

/* How long a debugger, or ourselves a moment ago, may take to let go before we call it refused. */
static const uint64_t RELEASE_NS = 20 * 1000 * 1000;

/* For a child that ends at once. */
enum { CHILD_STACK_BYTES = 16 << 10, THREAD_STACK_BYTES = 64 << 10 };

struct hop_stopper {
    const struct hop_process *process;
    bool drops_sigchld;
    atomic_uint waits;      /* odd: a thread waits for a stop */
    atomic_uint ended_wait; /* the wait that is to end without one */
    sem_t end;
    bool is_watched;
    pthread_t watcher;
};

/* --- waiting --------------------------------------------------------------------------------- */

/* A wait for a stop has to block: whoever looks at the clock instead keeps the thread off the CPU
 * on which it should come to its stop. But waitid() knows no time limit, and a library has no
 * signal of its own to end it with. What does end it is any child's change of state. So it waits
 * for all, that is, besides what it traces, for children that send no SIGCHLD (__WCLONE; nobody
 * else makes such), and the watcher makes one, which ends at once, where a wait takes too long.
 *
 * Nothing is collected (WNOWAIT): the process may be the caller's child, whose end is the caller's
 * to hear of. */
enum { WAIT_OPTIONS = WSTOPPED | WEXITED | WNOWAIT | __WCLONE };

static bool is_ours(const struct hop_stopper *stopper, int tid, const siginfo_t *info)
{
    /* A thread that executes another program takes the process's number. */
    return info->si_pid == tid || (info->si_pid && info->si_pid == stopper->process->pid);
}

/* False: it did not stop in time, or there is nothing to wait for. */
static bool await_change(struct hop_stopper *stopper, int tid, siginfo_t *info)
{
    unsigned wait = atomic_fetch_add(&stopper->waits, 1) + 1;
    bool is_found = false;
    for (;;) {
        info->si_pid = 0;
        if (waitid(P_ALL, 0, info, WAIT_OPTIONS) && errno != EINTR)
            break;
        is_found = is_ours(stopper, tid, info);
        if (is_found || atomic_load(&stopper->ended_wait) == wait)
            break;
        /* Something else that the caller traces stands in the way: it may be reported for ever. */
        info->si_pid = 0;
        is_found = !waitid(P_PID, (id_t)tid, info, WAIT_OPTIONS | WNOHANG) && info->si_pid;
        if (is_found)
            break;
        hop_sleep_until_ns(hop_now_ns() + PAUSE_NS);
    }
    atomic_fetch_add(&stopper->waits, 1);
    return is_found;
}

static int end_at_once(void *unused)
{
    (void)unused;
    return 0;
}

/* Ends wait number `wait`: with a child, that is there until the wait is over. */
static void end_wait(struct hop_stopper *stopper, unsigned wait)
{
    _Alignas(16) char stack[CHILD_STACK_BYTES];
    siginfo_t info;
    atomic_store(&stopper->ended_wait, wait);
    int child = clone(end_at_once, stack + sizeof stack, CLONE_VM | CLONE_VFORK, NULL);
    while (atomic_load(&stopper->waits) == wait && child > 0)
        hop_sleep_until_ns(hop_now_ns() + PAUSE_NS);
    if (child > 0)
        waitid(P_PID, (id_t)child, &info, WEXITED | __WCLONE);
}

static void *watch_waits(void *argument)
{
    struct hop_stopper *stopper = argument;
    unsigned seen = 0;
    for (;;) {
        uint64_t until_ns = hop_now_ns() + WATCH_NS;
        struct timespec until = {.tv_sec = (time_t)(until_ns / 1000000000u),
                                 .tv_nsec = (long)(until_ns % 1000000000u)};
        if (!sem_clockwait(&stopper->end, CLOCK_MONOTONIC, &until))
            return NULL;
        unsigned now = atomic_load(&stopper->waits);
        if (now == seen && now % 2)
            end_wait(stopper, now);
        seen = now;
    }
}

/* --- one stop -------------------------------------------------------------------------------- */

/* The kernel keeps the number of the system call that a thread is in with its registers; a negative
 * one where it is in none (x86: orig_rax; arm64: regs->syscallno). */
static bool is_at_syscall_exit(int tid)
{
#if defined(__x86_64__)
    struct user_regs_struct registers;
    struct iovec into = {&registers, sizeof registers};
    return !ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &into) && (int64_t)registers.orig_rax >= 0;
#else
    int number;
    struct iovec into = {&number, sizeof number};
    return !ptrace(PTRACE_GETREGSET, tid, NT_ARM_SYSTEM_CALL, &into) && number >= 0;
#endif
}

/* Each stop would send us SIGCHLD. Where that is ignored, as it is by default, it isn't even sent,
 * but only if the tracing thread does not block it (sig_ignored of kernel/signal.c): otherwise some
 * other thread would be woken for nothing. */
static void drop_sigchld(const struct hop_stopper *stopper)
{
    sigset_t child;
    if (!stopper->drops_sigchld)
        return;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    pthread_sigmask(SIG_UNBLOCK, &child, NULL);
}

enum hop_stop hop_stop(struct hop_stopper *stopper, int tid, struct hop_held *held)
{
    siginfo_t info;
    drop_sigchld(stopper);
    if (ptrace(PTRACE_SEIZE, tid, NULL, NULL))
        return errno == ESRCH ? HOP_STOP_GONE : HOP_STOP_DENIED;
    if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL))
        return HOP_STOP_LOST;
    uint64_t asked_ns = hop_now_ns();
    if (!await_change(stopper, tid, &info) || info.si_code != CLD_TRAPPED)
        return HOP_STOP_LOST;
    /* Our interrupt, or a stop of job control, which goes on when it is let go: PTRACE_EVENT_STOP.
     * With no event: a signal, that came before our interrupt. There are no others, for we asked
     * for none (ptrace(2)). */
    *held = (struct hop_held){
        .tid = info.si_pid,
        .signal = info.si_status >> 8 ? 0 : info.si_status & 0x7f,
        .is_at_syscall_exit = is_at_syscall_exit(info.si_pid),
        .asked_ns = asked_ns,
        .held_ns = hop_now_ns(),
    };
    return HOP_STOP_HELD;
}

bool hop_stop_let_go(const struct hop_held *held)
{
    return !ptrace(PTRACE_DETACH, held->tid, NULL, (void *)(intptr_t)held->signal);
}

/* --- the stopper ----------------------------------------------------------------------------- */

struct trial {
    int tid;
    int error;
};

/* Seizes the thread and ends, which lets it go: all that without stopping it. */
static void *try_to_seize(void *argument)
{
    struct trial *trial = argument;
    trial->error = ptrace(PTRACE_SEIZE, trial->tid, NULL, NULL) ? errno : 0;
    return NULL;
}

static int start_thread(pthread_t *thread, void *(*body)(void *), void *argument)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    if (pthread_attr_init(&attributes))
        return ENOMEM;
    pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(thread, &attributes, body, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return failed;
}

static enum hop_status explain_refusal(const struct hop_process *process, int error,
                                       struct hop_error *err)
{
    int tracer = hop_process_tracer(process);
    if (error == ESRCH)
        return hop_error_set(err, HOP_ERR_GONE, NULL, "process %d has ended", process->pid);
    if (tracer)
        return hop_error_set(err, HOP_ERR_PERMISSION,
                             "end that, or look without stopping it (--read cpu, the default)",
                             "process %d cannot be stopped: it is traced already, by process %d (a "
                             "debugger, strace)",
                             process->pid, tracer);
    return hop_error_set(err, HOP_ERR_PERMISSION,
                         "look without stopping it (--read cpu, the default); in a container, "
                         "start it with --cap-add SYS_PTRACE",
                         "the kernel lets us read process %d but not stop it (ptrace: %s): a "
                         "seccomp filter or a security module is likely to forbid it",
                         process->pid, strerror(error));
}

static enum hop_status try_process(const struct hop_process *process, struct hop_error *err)
{
    struct trial trial = {.tid = process->pid};
    uint64_t deadline_ns = hop_now_ns() + RELEASE_NS;
    do {
        pthread_t thread;
        int failed = start_thread(&thread, try_to_seize, &trial);
        if (failed)
            return hop_error_set(err, HOP_ERR_MEMORY, NULL, "cannot start a thread: %s",
                                 strerror(failed));
        pthread_join(thread, NULL);
    } while (trial.error == EPERM && hop_now_ns() < deadline_ns);
    if (trial.error)
        return explain_refusal(process, trial.error, err);
    /* A thread is joined a moment before the kernel has let go for it. */
    while (hop_process_tracer(process) && hop_now_ns() < deadline_ns)
        hop_sleep_until_ns(hop_now_ns() + PAUSE_NS);
    return HOP_OK;
}

enum hop_status hop_stopper_create(const struct hop_process *process, struct hop_stopper **result,
                                   struct hop_error *err)
{
    struct sigaction action;
    enum hop_status status = try_process(process, err);
    if (status != HOP_OK)
        return status;
    struct hop_stopper *stopper = calloc(1, sizeof *stopper);
    if (!stopper)
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory for stopping threads");
    stopper->process = process;
    stopper->drops_sigchld = !sigaction(SIGCHLD, NULL, &action) &&
                             (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN);
    sem_init(&stopper->end, 0, 0);
    int failed = start_thread(&stopper->watcher, watch_waits, stopper);
    stopper->is_watched = !failed;
    if (failed) {
        hop_stopper_destroy(stopper);
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "cannot start a thread: %s",
                             strerror(failed));
    }
    *result = stopper;
    return HOP_OK;
}

void hop_stopper_destroy(struct hop_stopper *stopper)
{
    if (!stopper)
        return;
    if (stopper->is_watched) {
        sem_post(&stopper->end);
        pthread_join(stopper->watcher, NULL);
    }
    sem_destroy(&stopper->end);
    free(stopper);
}
