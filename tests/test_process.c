/* What a process is and is not, its threads, and why it may not be read. */
#include "proc/denied.h"
#include "proc/process.h"
#include "proc/status_file.h"
#include "support/children.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct hop_process open_process(int pid)
{
    struct hop_process process;
    struct hop_error err;
    cr_assert_eq(hop_process_open(pid, &process, &err), HOP_OK, "%s", err.message);
    return process;
}

static void expect_error(int pid, enum hop_status status, const char *message)
{
    struct hop_process process;
    struct hop_error err;
    cr_assert_eq(hop_process_open(pid, &process, &err), status, "%s", err.message);
    cr_assert_eq(err.status, status);
    cr_assert(strstr(err.message, message), "\"%s\" is not in \"%s\"", message, err.message);
    cr_assert_neq(err.remedy[0], '\0');
    cr_assert_eq(process.dir_fd, -1, "nothing is left open");
}

Test(process, a_stat_line_is_parsed_whatever_the_name)
{
    static const char text[] =
        "77 (a) R 1 (b\n) S 5 77 77 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 9 0 123456789012 10 11 12 "
        "1 2 3 4 5 6 7 8 9 10 11 12 17 63 0 0 0 0 0 1 2 3 4 5 6 7 0\n";
    struct hop_task_stat stat;
    cr_assert(hop_task_stat_parse(text, sizeof text - 1, &stat));
    cr_assert_str_eq(stat.comm, "a) R 1 (b\n");
    cr_assert_eq(stat.state, 'S');
    cr_assert_eq(stat.ppid, 5);
    cr_assert_eq(stat.flags, 4194304);
    cr_assert_eq(stat.thread_count, 9);
    cr_assert_eq(stat.start_time_ticks, 123456789012);
    cr_assert_eq(stat.processor, 63);
    /* Cut anywhere, without a NUL behind it: refused, or at most the last number is shorter. */
    size_t enough = (size_t)(strstr(text, " 63 ") - text) + 2;
    for (size_t size = 0; size < sizeof text; size++) {
        char *piece = malloc(size ? size : 1);
        memcpy(piece, text, size);
        cr_assert_eq(hop_task_stat_parse(piece, size, &stat), size >= enough, "at %zu", size);
        free(piece);
    }
}

Test(process, a_status_file_is_searched_by_whole_lines)
{
    static const char text[] = "Name:\tUid:\\nGid:\nXUid:\t9\nUid:\t1\t2\t3\t4\nNSpid:\t70\t7\n"
                               "Empty:\nCapEff:\t000001ffffffffff\n";
    long numbers[4];
    cr_assert_eq(hop_status_numbers(text, "Uid", numbers, 4), 4);
    cr_assert_eq(numbers[0], 1);
    cr_assert_eq(numbers[3], 4);
    cr_assert_eq(hop_status_numbers(text, "NSpid", numbers, 4), 2, "not the next line's");
    cr_assert_eq(hop_status_numbers(text, "Empty", numbers, 4), 0);
    cr_assert_eq(hop_status_numbers(text, "Gid", numbers, 4), 0);
    cr_assert_eq(hop_status_mask(text, "CapEff"), 0x1ffffffffff);
    cr_assert_eq(hop_status_mask(text, "CapPrm"), 0);
}

Test(process, a_living_one_is_known)
{
    char text[256], path[PATH_MAX]; /* as realpath has it */
    int pid = child_start_cat("/bin/cat", NULL, NULL, NULL);
    struct hop_process process = open_process(pid);
    cr_assert_eq(process.pid, pid);
    cr_assert_gt(process.start_time_ticks, 0);
    cr_assert(hop_process_is_alive(&process));
    cr_assert_eq(hop_process_tracer(&process), 0);
    cr_assert_not(hop_process_is_stopped(&process));
    cr_assert_not(hop_process_has_other_root(&process));
    hop_process_command_line(&process, text, sizeof text);
    cr_assert_str_eq(text, "cat");
    hop_process_executable(&process, text, sizeof text);
    cr_assert_not_null(realpath("/bin/cat", path));
    cr_assert_str_eq(text, path);
    hop_process_foreign_namespaces(&process, text, sizeof text);
    cr_assert_str_eq(text, "");
    struct hop_error err;
    cr_assert_eq(hop_process_check_readable(&process, 0, &err), HOP_OK, "%s", err.message);
    child_end(pid);
    cr_assert_not(hop_process_is_alive(&process));
    cr_assert_eq(hop_process_check_readable(&process, 0, &err), HOP_ERR_GONE);
    hop_process_close(&process);
}

Test(process, what_is_gone_was_not_denied)
{
    pid_t pid = child_start(child_idle, NULL);
    struct hop_process process;
    struct hop_error err;
    cr_assert_eq(hop_process_open(pid, &process, &err), HOP_OK);
    cr_assert_eq(hop_process_explain_denied(&process, ESRCH, &err), HOP_ERR_GONE);
    cr_assert_eq(hop_process_explain_denied(&process, EPERM, &err), HOP_ERR_PERMISSION);
    hop_process_close(&process);
    child_end(pid);
}

Test(process, a_zombie_has_ended)
{
    int pid = child_start(child_idle, NULL);
    struct hop_process process = open_process(pid);
    siginfo_t info;
    kill(pid, SIGKILL);
    cr_assert_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    cr_assert_not(hop_process_is_alive(&process));
    expect_error(pid, HOP_ERR_NO_PROCESS, "has not yet fetched its exit status");
    hop_process_close(&process);
    child_end(pid);
    expect_error(pid, HOP_ERR_NO_PROCESS, "there is no process");
}

Test(process, numbers_that_are_no_process)
{
    expect_error(0, HOP_ERR_NO_PROCESS, "there is no process 0");
    expect_error(-1, HOP_ERR_NO_PROCESS, "there is no process -1");
    expect_error(0x7fffffff, HOP_ERR_NO_PROCESS, "there is no process 2147483647");
}

Test(process, a_thread_of_the_kernel_is_refused)
{
    struct hop_task_stat stat;
    int fd = open("/proc/2", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || !hop_task_stat_read(fd, &stat) || strcmp(stat.comm, "kthreadd") != 0)
        cr_skip_test("no kernel threads are to be seen in this container");
    close(fd);
    expect_error(2, HOP_ERR_NOT_PYTHON, "is a thread of the kernel");
}

/* What lets root read files that it has no right to. */
static void drop_file_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    cr_assert_eq(syscall(SYS_capget, &header, data), 0);
    data[0].effective &= ~(1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH);
    cr_assert_eq(syscall(SYS_capset, &header, data), 0);
}

Test(process, a_32_bit_program_is_refused)
{
#ifndef __x86_64__
    cr_skip_test("the program is one for x86");
#endif
    /* ELF header, one program header, and: push pause; pop eax; int 0x80; jmp back. */
    static const unsigned char program[] = {
        0x7f, 'E',  'L', 'F', 1,    1,  1,    0,    0,    0,    0,    0, 0,    0,    0, 0,
        2,    0,    3,   0,   1,    0,  0,    0,    0x54, 0x80, 4,    8, 0x34, 0,    0, 0,
        0,    0,    0,   0,   0,    0,  0,    0,    0x34, 0,    0x20, 0, 1,    0,    0, 0,
        0,    0,    0,   0,   1,    0,  0,    0,    0,    0,    0,    0, 0,    0x80, 4, 8,
        0,    0x80, 4,   8,   0x5b, 0,  0,    0,    0x5b, 0,    0,    0, 5,    0,    0, 0,
        0,    0x10, 0,   0,   0x6a, 29, 0x58, 0xcd, 0x80, 0xeb, 0xf9};
    char directory[64], path[96];
    make_directory(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/program", directory);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    cr_assert_eq(write(fd, program, sizeof program), (ssize_t)sizeof program);
    close(fd);
    int exec_result[2], error = 0;
    cr_assert_eq(pipe2(exec_result, O_CLOEXEC), 0); /* exec closes it; else errno comes */
    int pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl(path, path, NULL);
        error = errno;
        _exit(write(exec_result[1], &error, sizeof error) > 0);
    }
    close(exec_result[1]);
    bool is_running = read(exec_result[0], &error, sizeof error) == 0;
    if (is_running) {
        expect_error(pid, HOP_ERR_UNSUPPORTED, "is a 32-bit program");
        chmod(path, 0100);
        drop_file_capabilities(); /* its file may not be read any more, its process may */
        expect_error(pid, HOP_ERR_UNSUPPORTED, "is a 32-bit program");
    }
    child_end(pid);
    unlink(path);
    rmdir(directory);
    if (!is_running)
        cr_skip_test("this kernel runs no 32-bit programs: %s", strerror(error));
}

/* --- Threads -----------------------------------------------------------------------------------
 */

enum { OTHER_THREADS = 400 };

static void *idle_thread(void *barrier)
{
    prctl(PR_SET_NAME, "odd\n) R (name");
    pthread_barrier_wait(barrier);
    while (pause() != 0)
        continue;
    return NULL;
}

static void many_threads(void *unused)
{
    (void)unused;
    pthread_barrier_t barrier;
    pthread_attr_t small;
    pthread_barrier_init(&barrier, NULL, OTHER_THREADS + 1);
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 256 * 1024);
    for (int i = 0; i < OTHER_THREADS; i++) {
        pthread_t thread;
        if (pthread_create(&thread, &small, idle_thread, &barrier) != 0)
            _exit(72);
    }
    pthread_barrier_wait(&barrier);
    child_is_ready();
    for (;;)
        pause();
}

Test(process, threads_are_listed_and_are_no_processes)
{
    int tids[OTHER_THREADS + 8], few[3];
    size_t total;
    char name[32], expected[64];
    int pid = child_start(many_threads, NULL);
    struct hop_process process = open_process(pid);
    cr_assert_eq(hop_process_threads(&process, tids, OTHER_THREADS + 8, &total), OTHER_THREADS + 1);
    cr_assert_eq(total, OTHER_THREADS + 1);
    cr_assert_eq(tids[0], pid);
    for (int i = 1; i <= OTHER_THREADS; i++) {
        cr_assert_neq(tids[i], tids[i - 1]);
        cr_assert(hop_process_thread_name(&process, tids[i], name, sizeof name));
        cr_assert_str_eq(name, "odd\n) R (name");
        cr_assert_eq(hop_process_ns_tid(&process, tids[i]), tids[i]);
    }
    cr_assert_eq(hop_process_threads(&process, few, 3, &total), 3);
    cr_assert_eq(total, OTHER_THREADS + 1);

    snprintf(expected, sizeof expected, "of process %d", pid);
    expect_error(tids[1], HOP_ERR_NO_PROCESS, expected);
    expect_error(tids[1], HOP_ERR_NO_PROCESS, "not a process but a thread (odd\\n) R (name)");

    cr_assert_not(hop_process_is_stopped(&process));
    kill(pid, SIGSTOP);
    cr_assert_eq(waitpid(pid, NULL, WUNTRACED), pid);
    cr_assert(hop_process_is_stopped(&process));
    kill(pid, SIGCONT);
    cr_assert_eq(waitpid(pid, NULL, WCONTINUED), pid);
    cr_assert_not(hop_process_is_stopped(&process));

    cr_assert_eq(ptrace(PTRACE_ATTACH, pid, NULL, NULL), 0); /* the first thread alone */
    cr_assert_eq(waitpid(pid, NULL, __WALL), pid);
    cr_assert_eq(hop_process_tracer(&process), getpid());
    cr_assert_not(hop_process_is_stopped(&process), "the others go on");
    cr_assert_eq(ptrace(PTRACE_DETACH, pid, NULL, NULL), 0);

    child_end(pid);
    cr_assert_eq(hop_process_threads(&process, tids, 8, NULL), -1);
    cr_assert_eq(hop_process_ns_tid(&process, pid), -1);
    cr_assert_not(hop_process_thread_name(&process, pid, name, sizeof name));
    cr_assert_not(hop_process_is_stopped(&process));
    hop_process_close(&process);
}

/* The first thread ends, another one carries on. */
static void *only_thread(void *first)
{
    pthread_join(*(pthread_t *)first, NULL);
    child_is_ready();
    while (pause() != 0)
        continue;
    return NULL;
}

static void first_thread_ends(void *unused)
{
    (void)unused;
    static pthread_t first;
    pthread_t thread;
    first = pthread_self();
    if (pthread_create(&thread, NULL, only_thread, &first) == 0)
        pthread_exit(NULL);
}

Test(process, it_lives_while_any_thread_does)
{
    int pid = child_start(first_thread_ends, NULL);
    struct hop_task_stat stat;
    char path[32];
    snprintf(path, sizeof path, "/proc/%d", pid);
    struct hop_process process = {.pid = pid,
                                  .dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    do /* it may still be on its way out */
        cr_assert(hop_task_stat_read(process.dir_fd, &stat));
    while (stat.state != 'Z' && sched_yield() == 0);
    cr_assert(hop_process_is_alive(&process));
    struct hop_error err;
    cr_assert_eq(hop_process_open(pid, &process, &err), HOP_ERR_UNSUPPORTED);
    cr_assert(strstr(err.message, "the first thread"), "%s", err.message);
    child_end(pid);
}

/* --- Namespaces --------------------------------------------------------------------------------
 */

Test(process, in_another_pid_namespace_it_has_another_number)
{
    if (geteuid() != 0)
        cr_skip_test("needs root to make a PID namespace");
    int own_fd = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
    cr_assert_eq(unshare(CLONE_NEWPID), 0); /* for the children to come */
    int pid = child_start(child_idle, NULL);
    cr_assert_eq(setns(own_fd, CLONE_NEWPID), 0);
    close(own_fd);
    struct hop_process process = open_process(pid);
    char text[64];
    cr_assert_eq(process.pid, pid);
    cr_assert_eq(process.ns_pid, 1);
    cr_assert_eq(hop_process_ns_tid(&process, pid), 1);
    hop_process_foreign_namespaces(&process, text, sizeof text);
    cr_assert_str_eq(text, "pid");
    hop_process_foreign_namespaces(&process, text, 3); /* room for no name: none is cut */
    cr_assert_str_eq(text, "");
    hop_process_close(&process);
    child_end(pid);
}

/* --- Refusals ----------------------------------------------------------------------------------
 */

#define PTRACE_CAP (UINT64_C(1) << 19)
#define SOME_CAP   (UINT64_C(1) << 10)

/* Two processes of one user in the first user namespace: nothing speaks against it. */
static struct hop_denied_facts harmless(void)
{
    return (struct hop_denied_facts){
        .error = EPERM,
        .our_uid = 1000,
        .our_gid = 100,
        .target_uids = {1000, 1000, 1000, 1000},
        .target_gids = {100, 100, 100, 100},
        .our_bounding = UINT64_MAX,
        .yama_scope = -1,
        .is_dumpable = true,
        .is_user_namespace_shared = true,
        .is_initial_user_namespace = true,
    };
}

static void expect_cause(const struct hop_denied_facts *facts, enum hop_denied_cause cause,
                         const char *message, const char *remedy)
{
    struct hop_error err;
    enum hop_denied_cause decided = hop_denied_decide(facts);
    cr_assert_eq(hop_denied_explain(decided, facts, 4711, "name", &err), HOP_ERR_PERMISSION);
    cr_assert_eq(decided, cause, "%d and not %d: %s", (int)decided, (int)cause, err.message);
    cr_assert(strstr(err.message, "process 4711 (name)"));
    cr_assert(strstr(err.message, message), "\"%s\" is not in \"%s\"", message, err.message);
    cr_assert(strstr(err.remedy, remedy), "\"%s\" is not in \"%s\"", remedy, err.remedy);
    cr_assert_lt(strlen(err.message), sizeof err.message - 1, "cut: %s", err.message);
    cr_assert_lt(strlen(err.remedy), sizeof err.remedy - 1, "cut: %s", err.remedy);
    cr_assert_null(strchr(err.remedy, '\n'), "one line");
}

Test(denied, another_user_or_group)
{
    for (int which = 0; which < 3; which++) {
        struct hop_denied_facts facts = harmless();
        facts.target_uids[which] = 0;
        expect_cause(&facts, HOP_DENIED_OTHER_USER, "(uid 0; we are uid 1000", "sudo heavyops");
        facts.yama_scope = 1; /* less to the point */
        expect_cause(&facts, HOP_DENIED_OTHER_USER, "another user", "sudo heavyops");
        facts = harmless();
        facts.target_gids[which] = 5;
        expect_cause(&facts, HOP_DENIED_OTHER_GROUP, "(gid 5; ours is 100)", "sudo heavyops");
    }
}

Test(denied, in_a_container)
{
    struct hop_denied_facts facts = harmless();
    facts.our_uid = 0;
    facts.our_bounding &= ~PTRACE_CAP;
    facts.is_containered = true;
    expect_cause(&facts, HOP_DENIED_ROOT_WITHOUT_CAP, "CAP_SYS_PTRACE",
                 "docker run --cap-add SYS_PTRACE");
    facts.is_in_kubernetes = true;
    expect_cause(&facts, HOP_DENIED_ROOT_WITHOUT_CAP, "CAP_SYS_PTRACE", "securityContext");
    /* Not root, another user's process, and no sudo that would help. */
    facts = harmless();
    facts.target_uids[0] = 33;
    facts.our_bounding &= ~PTRACE_CAP;
    expect_cause(&facts, HOP_DENIED_OTHER_USER, "another user", "--cap-add SYS_PTRACE");
}

Test(denied, protected_processes)
{
    struct hop_denied_facts facts = harmless();
    facts.is_dumpable = false;
    expect_cause(&facts, HOP_DENIED_NOT_DUMPABLE, "dumpable", "sudo heavyops");
    facts.target_permitted = SOME_CAP;
    expect_cause(&facts, HOP_DENIED_MORE_CAPABLE, "(mask 400)", "sudo heavyops");
    facts = harmless();
    facts.target_permitted = facts.our_permitted = SOME_CAP; /* no more than ours */
    expect_cause(&facts, HOP_DENIED_SECURITY_MODULE, "security module", "dmesg");
}

Test(denied, yama)
{
    struct hop_denied_facts facts = harmless();
    facts.yama_scope = 1;
    expect_cause(&facts, HOP_DENIED_YAMA_CHILDREN, "ptrace_scope is 1",
                 "echo 0 | sudo tee /proc/sys/kernel/yama/ptrace_scope");
    facts.our_bounding &= ~PTRACE_CAP;
    expect_cause(&facts, HOP_DENIED_YAMA_CHILDREN, "ptrace_scope is 1", "on the host: echo 0");
    expect_cause(&facts, HOP_DENIED_YAMA_CHILDREN, "ptrace_scope is 1", "--cap-add SYS_PTRACE");
    facts = harmless();
    facts.yama_scope = 2;
    expect_cause(&facts, HOP_DENIED_YAMA_ADMIN, "ptrace_scope is 2", "sudo heavyops");
    facts.yama_scope = 3;
    expect_cause(&facts, HOP_DENIED_YAMA_NOBODY, "ptrace_scope is 3", "restart");
    facts.our_uid = 0;
    facts.our_effective = UINT64_MAX; /* not even root */
    expect_cause(&facts, HOP_DENIED_YAMA_NOBODY, "ptrace_scope is 3", "restart");
    facts.yama_scope = 1;
    expect_cause(&facts, HOP_DENIED_SECURITY_MODULE, "Operation not permitted", "dmesg");
}

Test(denied, user_namespaces_and_filters)
{
    struct hop_denied_facts facts = harmless();
    facts.our_uid = 0;
    facts.our_effective = UINT64_MAX;
    facts.is_user_namespace_shared = facts.is_initial_user_namespace = false;
    expect_cause(&facts, HOP_DENIED_USER_NAMESPACE, "user namespace", "root on the host");
    facts.our_effective = 0;
    facts.our_uid = 1000;
    expect_cause(&facts, HOP_DENIED_USER_NAMESPACE, "user namespace", "root on the host");
    facts.is_own_memory_refused = true;
    expect_cause(&facts, HOP_DENIED_SECCOMP, "process_vm_readv", "seccomp=unconfined");
}

static void expect_refused(int pid, const char *message)
{
    struct hop_process process = open_process(pid);
    struct hop_error err;
    cr_assert_eq(hop_process_check_readable(&process, (uint64_t)(uintptr_t)&message, &err),
                 HOP_ERR_PERMISSION);
    cr_assert(strstr(err.message, message), "\"%s\" is not in \"%s\"", message, err.message);
    hop_process_close(&process);
}

Test(denied, the_real_thing_another_user)
{
    int pid = child_start(child_idle, NULL);
    if (!become_nobody())
        cr_skip_test("needs root to become someone else");
    expect_refused(pid, "it belongs to another user (uid 0; we are uid 65534");
    /* We may not kill it any more: it goes with us. */
}

static void undumpable(void *unused)
{
    prctl(PR_SET_DUMPABLE, 0);
    child_idle(unused);
}

Test(denied, the_real_thing_not_dumpable)
{
    if (!become_nobody() && geteuid() == 0)
        cr_skip_test("root reads everything");
    int pid = child_start(undumpable, NULL);
    expect_refused(pid, "not \"dumpable\"");
    child_end(pid);
}

/* In a fork: who has threads, as a test may have, can't enter a user namespace. */
struct attempt {
    int pid;
    bool is_entered;
    struct hop_error err;
};

static void attempt_from_user_namespace(void *shared)
{
    struct attempt *attempt = shared;
    struct hop_process process;
    attempt->is_entered = unshare(CLONE_NEWUSER) == 0;
    if (attempt->is_entered && hop_process_open(attempt->pid, &process, &attempt->err) == HOP_OK)
        hop_process_check_readable(&process, (uint64_t)(uintptr_t)attempt, &attempt->err);
    child_is_ready();
    _exit(0);
}

Test(denied, the_real_thing_a_user_namespace)
{
    struct attempt *attempt =
        mmap(NULL, sizeof *attempt, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    attempt->pid = child_start(child_idle, NULL);
    child_end(child_start(attempt_from_user_namespace, attempt));
    child_end(attempt->pid);
    if (!attempt->is_entered)
        cr_skip_test("no user namespaces are to be had here");
    cr_assert_eq(attempt->err.status, HOP_ERR_PERMISSION);
    cr_assert(strstr(attempt->err.message, "it is outside of our user namespace"), "%s",
              attempt->err.message);
}
