/* Decides from facts which of the kernel's rules keeps us from a process, and says what to do about
 * it; gathering the facts is denied_facts.c's affair. */
#include "proc/denied.h"

#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

static bool has_ptrace(uint64_t capabilities)
{
    return capabilities >> CAP_SYS_PTRACE & 1;
}

static bool is_all(const unsigned ids[4], unsigned wanted, int count)
{
    for (int i = 0; i < count; i++)
        if (ids[i] != wanted)
            return false;
    return true;
}

enum hop_denied_cause hop_denied_decide(const struct hop_denied_facts *facts)
{
    /* The kernel compares the first three; the filesystem ones differ only with them or by intent,
     * and /proc goes by these. */
    bool is_same_user = is_all(facts->target_uids, facts->our_uid, 3);
    bool is_same_group = is_all(facts->target_gids, facts->our_gid, 3);
    bool is_privileged = has_ptrace(facts->our_effective) &&
                         (facts->is_user_namespace_shared || facts->is_initial_user_namespace);
    uint64_t lacking = facts->target_permitted & ~facts->our_permitted;
    bool is_refused_without_privilege =
        !is_same_user || !is_same_group || !facts->is_dumpable || lacking;

    if (facts->is_own_memory_refused)
        return HOP_DENIED_SECCOMP;
    if (!is_privileged && has_ptrace(facts->our_effective))
        return HOP_DENIED_USER_NAMESPACE;
    if (!is_privileged && facts->our_uid == 0 && is_refused_without_privilege)
        return HOP_DENIED_ROOT_WITHOUT_CAP;
    if (!is_privileged && !is_same_user)
        return HOP_DENIED_OTHER_USER;
    if (!is_privileged && !is_same_group)
        return HOP_DENIED_OTHER_GROUP;
    /* More capabilities go with "not dumpable" (commit_creds clears it), and say more. */
    if (!is_privileged && lacking)
        return HOP_DENIED_MORE_CAPABLE;
    if (!is_privileged && !facts->is_dumpable)
        return HOP_DENIED_NOT_DUMPABLE;
    /* Another user namespace is as good as another user, whatever the numbers say. */
    if (!is_privileged && !facts->is_user_namespace_shared && !facts->is_initial_user_namespace)
        return HOP_DENIED_USER_NAMESPACE;
    if (facts->yama_scope == 3)
        return HOP_DENIED_YAMA_NOBODY;
    if (!is_privileged && facts->yama_scope == 2)
        return HOP_DENIED_YAMA_ADMIN;
    if (!is_privileged && facts->yama_scope == 1)
        return HOP_DENIED_YAMA_CHILDREN;
    return HOP_DENIED_SECURITY_MODULE;
}

/* How to come by CAP_SYS_PTRACE here. Where the bounding set lacks it, not even sudo gives it: the
 * container was started without. */
static const char *privilege_remedy(const struct hop_denied_facts *facts)
{
    if (facts->is_in_kubernetes)
        return "add the capability to the container: securityContext: {capabilities: {add: "
               "[SYS_PTRACE]}}, and run as root in it; or run heavyops as root on the node";
    if (!has_ptrace(facts->our_bounding))
        return "start the container with it: docker run --cap-add SYS_PTRACE ... (Kubernetes: "
               "securityContext: {capabilities: {add: [SYS_PTRACE]}}); or run heavyops as root on "
               "the host";
    return facts->is_containered
               ? "run it as root: sudo heavyops ...; into a container: docker exec --user root "
                 "--privileged ... heavyops ..."
               : "run it as root: sudo heavyops ...";
}

enum hop_status hop_denied_explain(enum hop_denied_cause cause,
                                   const struct hop_denied_facts *facts, int pid, const char *name,
                                   struct hop_error *err)
{
    const char *remedy = privilege_remedy(facts);
    char why[320], either[400];
    switch (cause) {
    case HOP_DENIED_SECCOMP:
        snprintf(why, sizeof why,
                 "the system call process_vm_readv is forbidden here for every process (a seccomp "
                 "filter, as old container runtimes and sandboxes set)");
        remedy = "start the container with: docker run --cap-add SYS_PTRACE --security-opt "
                 "seccomp=unconfined ...; or run heavyops outside of the sandbox";
        break;
    case HOP_DENIED_OTHER_USER: {
        unsigned other = facts->target_uids[0];
        for (int i = 1; i < 3 && other == facts->our_uid; i++)
            other = facts->target_uids[i];
        snprintf(why, sizeof why,
                 "it belongs to another user (uid %u; we are uid %u without CAP_SYS_PTRACE)", other,
                 facts->our_uid);
        break;
    }
    case HOP_DENIED_OTHER_GROUP: {
        unsigned other = facts->target_gids[0];
        for (int i = 1; i < 3 && other == facts->our_gid; i++)
            other = facts->target_gids[i];
        snprintf(why, sizeof why,
                 "it is the same user's but runs with another group (gid %u; ours is %u)", other,
                 facts->our_gid);
        break;
    }
    case HOP_DENIED_ROOT_WITHOUT_CAP:
        snprintf(why, sizeof why,
                 "we are root, but without the capability CAP_SYS_PTRACE, as in a container");
        break;
    case HOP_DENIED_NOT_DUMPABLE:
        snprintf(why, sizeof why,
                 "it is protected from other processes of its user (not \"dumpable\": it changed "
                 "its user, its program may not be read, or it asked for that)");
        break;
    case HOP_DENIED_MORE_CAPABLE:
        snprintf(why, sizeof why, "it has capabilities that we have not (mask %llx)",
                 (unsigned long long)(facts->target_permitted & ~facts->our_permitted));
        break;
    case HOP_DENIED_YAMA_CHILDREN:
        snprintf(why, sizeof why,
                 "Yama lets only ancestors read a process (kernel.yama.ptrace_scope is 1)");
        snprintf(either, sizeof either,
                 "%s; or, for everyone until the next boot%s: echo 0 | sudo tee "
                 "/proc/sys/kernel/yama/ptrace_scope",
                 privilege_remedy(facts), has_ptrace(facts->our_bounding) ? "" : ", on the host");
        remedy = either;
        break;
    case HOP_DENIED_YAMA_ADMIN:
        snprintf(why, sizeof why,
                 "Yama lets only root read processes (kernel.yama.ptrace_scope is 2)");
        break;
    case HOP_DENIED_YAMA_NOBODY:
        snprintf(why, sizeof why,
                 "Yama lets no one read processes (kernel.yama.ptrace_scope is 3)");
        remedy = "this setting lasts until the machine restarts: set kernel.yama.ptrace_scope to "
                 "1 in /etc/sysctl.d and restart it";
        break;
    case HOP_DENIED_USER_NAMESPACE:
        snprintf(why, sizeof why, "it is outside of our user namespace, where our permissions end");
        remedy = "run heavyops outside of this user namespace: as root on the host";
        break;
    case HOP_DENIED_SECURITY_MODULE:
        snprintf(why, sizeof why,
                 "%s, for none of the usual reasons; a security module (SELinux, AppArmor, Smack, "
                 "Landlock) is likely to forbid it",
                 strerror(facts->error));
        remedy =
            "look for the refusal in: sudo dmesg | tail (or: sudo ausearch -m avc -ts recent); "
            "SELinux: sudo setsebool deny_ptrace off";
        break;
    }
    return hop_error_set(err, HOP_ERR_PERMISSION, remedy,
                         "the kernel does not let us read process %d (%s): %s", pid, name, why);
}
