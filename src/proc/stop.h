/* Stops a thread of another process with ptrace(2), for microseconds, and lets it go. It knows
 * nothing of Python.
 *
 * A thread is seized, interrupted, looked at and detached by one thread of ours in one go: nothing
 * stays attached in between, so that no signal of the target waits for us. PTRACE_SEIZE sends no
 * signal and PTRACE_INTERRUPT leaves none behind; we never ask for PTRACE_O_EXITKILL, PTRACE_ATTACH
 * or any request that writes. Should we die at any point, the kernel detaches the thread, and it
 * goes on (exit_ptrace of kernel/ptrace.c); a signal that it was about to take is taken.
 *
 * Where a stop falls. The request sets a flag (TIF_SIGPENDING) that a thread notices when it next
 * leaves the kernel. To one that runs on another CPU an interrupt is sent; until that arrives it
 * runs on, and if it makes system calls, it is mostly at the exit of one that it stops. One that
 * runs on the CPU of who asks has been preempted, so it is in the kernel already, and stops before
 * its next instruction: at an instant of our choosing. So: ask from the thread's own CPU.
 *
 * What a stop does to the target: a system call that is about to sleep, or sleeps, is interrupted;
 * most begin again by themselves, a few return EINTR (signal(7), "Interruption of system calls ...
 * by stop signals"), a write() to a full pipe the part that it has written. So threads that sleep
 * should be left alone.
 *
 * Linux 3.4 and later. (ptrace(2); kernel/signal.c: do_jobctl_trap, ptrace_stop.) */
#ifndef HOP_PROC_STOP_H
#define HOP_PROC_STOP_H

#include "proc/process.h"

struct hop_stopper;

enum hop_stop {
    HOP_STOP_HELD,   /* it stands still: to be let go with hop_stop_let_go */
    HOP_STOP_DENIED, /* the kernel refused, as it is ending, or a debugger has it; nothing was done
                      */
    HOP_STOP_GONE,   /* it has ended; nothing was done */
    /* It was seized, but then ended or did not stop for some tenths of a second, as in
     * uninterruptible sleep; it is not held up, but will be if it stops later. The calling thread
     * must neither stop another thread nor wait for anything, but end: then the kernel lets go. */
    HOP_STOP_LOST,
};

struct hop_held {
    int tid;                    /* may be the process's, after an exec */
    int signal;                 /* that it was about to take, and will; 0: none */
    bool is_at_syscall_exit;    /* else at an instruction between system calls */
    uint64_t asked_ns, held_ns; /* when the request was made; when it was seen to stand still */
};

/* HOP_ERR_PERMISSION, with the reason, where threads of this process may not be stopped: a debugger
 * has them, or a rule forbids it. Tries with the main thread, which does not notice. The reference
 * is kept. One of our threads is kept, asleep, that ends waiting for what does not stop.
 *
 * While threads are stopped a caller that handles SIGCHLD without SA_NOCLDSTOP gets one for each
 * stop (do_notify_parent_cldstop). */
enum hop_status hop_stopper_create(const struct hop_process *process, struct hop_stopper **stopper,
                                   struct hop_error *err);
void hop_stopper_destroy(struct hop_stopper *stopper); /* NULL is allowed */

/* By one thread at a time. *held is set only with HOP_STOP_HELD. */
enum hop_stop hop_stop(struct hop_stopper *stopper, int tid, struct hop_held *held);

/* By the thread that stopped it. False: it has been killed meanwhile; then as HOP_STOP_LOST. */
bool hop_stop_let_go(const struct hop_held *held);

#endif
