/* Why the kernel refuses to let us read a process: the facts its rules look at, and the rule that
 * they point to. A pure function of the facts, so that every rule can be tested on any machine.
 *
 * The rules, in the kernel's order (Linux 3.8 to 6.18): __ptrace_may_access of kernel/ptrace.c
 * (same user and group three times over, or CAP_SYS_PTRACE in the target's user namespace; then
 * "dumpable"), then security modules: cap_ptrace_access_check of security/commoncap.c (the target
 * has no capability that we lack), Yama, and others (SELinux, AppArmor, Smack, Landlock). A seccomp
 * filter of ours may refuse the system call before all that. */
#ifndef HOP_PROC_DENIED_H
#define HOP_PROC_DENIED_H

#include "proc/process.h"

enum hop_denied_cause {
    HOP_DENIED_SECCOMP,          /* a filter forbids the system call, whatever the process */
    HOP_DENIED_OTHER_USER,       /* a real, effective, saved or filesystem uid differs */
    HOP_DENIED_OTHER_GROUP,      /* the same of gids */
    HOP_DENIED_ROOT_WITHOUT_CAP, /* we are root, but without CAP_SYS_PTRACE: a container's root */
    HOP_DENIED_NOT_DUMPABLE,     /* setuid, unreadable program, or prctl(PR_SET_DUMPABLE, 0) */
    HOP_DENIED_MORE_CAPABLE,     /* it has capabilities that we have not */
    HOP_DENIED_YAMA_CHILDREN,    /* ptrace_scope 1: only our own descendants */
    HOP_DENIED_YAMA_ADMIN,       /* ptrace_scope 2: only with CAP_SYS_PTRACE */
    HOP_DENIED_YAMA_NOBODY,      /* ptrace_scope 3: no one, until the next boot */
    HOP_DENIED_USER_NAMESPACE,   /* it is not in ours nor below it: there, our rights are none */
    HOP_DENIED_SECURITY_MODULE,  /* none of the above: SELinux, AppArmor, Smack, Landlock */
};

struct hop_denied_facts {
    int error;                 /* errno of the refusal */
    unsigned our_uid, our_gid; /* real ones: process_vm_readv compares with these */
    unsigned target_uids[4];   /* real, effective, saved, filesystem */
    unsigned target_gids[4];
    uint64_t our_effective, our_permitted; /* capability masks, bit n: capability n */
    uint64_t our_bounding;                 /* what sudo could give us at most */
    uint64_t target_permitted;
    int yama_scope; /* -1: there is no Yama */
    bool is_dumpable;
    bool is_user_namespace_shared;  /* false also where we are not allowed to know */
    bool is_initial_user_namespace; /* ours is the machine's first, above all others */
    bool is_own_memory_refused;     /* the system call fails even on ourselves */
    bool is_containered;            /* signs of Docker, Podman or Kubernetes around us */
    bool is_in_kubernetes;
};

enum hop_denied_cause hop_denied_decide(const struct hop_denied_facts *facts);

/* Sets err (HOP_ERR_PERMISSION): the cause in words and the one-line remedy. `name` is fit to be
 * shown. */
enum hop_status hop_denied_explain(enum hop_denied_cause cause,
                                   const struct hop_denied_facts *facts, int pid, const char *name,
                                   struct hop_error *err);

/* What of all that can be learnt about this process and us; what can't is taken to be harmless. */
void hop_denied_gather(const struct hop_process *process, struct hop_denied_facts *facts);

#endif
