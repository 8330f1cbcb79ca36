/* The lookers: threads, pinning, and the passing of the turn by semaphores. */
#include "sample/crew.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* A looker walks into buffers of its sampler; its own stack holds a few KiB. */
enum { LOOKER_STACK_BYTES = 256 << 10 };

struct looker {
    struct hop_crew *crew;
    int cpu;
    bool is_started;
    bool is_retiring;
    bool has_predecessor; /* one that retired and has not been waited for */
    pthread_t thread, predecessor;
    sem_t turn;
};

struct hop_crew {
    int cpu_count; /* highest CPU number of ours + 1 */
    cpu_set_t *allowed;
    size_t allowed_bytes;
    struct looker *lookers; /* [cpu_count] */
    sem_t called;           /* for who waits in hop_crew_run: there is an errand, or it is over */
    atomic_bool is_finished;
    atomic_bool is_on_errand;
    hop_crew_errand_fn *errand;
    void *errand_context;
    hop_crew_step_fn *step;
    void *context;
    bool is_ending;
    int failed_errno; /* a looker could not be made */
};

static bool start_looker(struct looker *looker);

static void finish(struct hop_crew *crew)
{
    atomic_store(&crew->is_finished, true);
    sem_post(&crew->called);
}

/* One where lookers may run; -1: there is none left. */
static int any_cpu(const struct hop_crew *crew)
{
    for (int cpu = 0; cpu < crew->cpu_count; cpu++)
        if (hop_crew_has_cpu(crew, cpu))
            return cpu;
    return -1;
}

/* Gives the turn on; when no looker can be made there, the turn ends with failed_errno. A CPU that
 * has gone offline, or out of our cgroup's set, is one that we may not use (sched_setaffinity(2):
 * EINVAL); the looker that gets the turn instead of its one will find that out. */
static void pass_turn(struct hop_crew *crew, int cpu)
{
    while (cpu >= 0 && !crew->lookers[cpu].is_started && !start_looker(&crew->lookers[cpu])) {
        if (crew->failed_errno != EINVAL)
            break;
        CPU_CLR_S((size_t)cpu, crew->allowed_bytes, crew->allowed);
        cpu = any_cpu(crew);
        if (cpu >= 0)
            crew->failed_errno = 0;
    }
    if (cpu < 0)
        crew->failed_errno = EINVAL;
    if (crew->failed_errno)
        finish(crew);
    else
        sem_post(&crew->lookers[cpu].turn);
}

static void wait_for_predecessor(struct looker *looker)
{
    if (looker->has_predecessor)
        pthread_join(looker->predecessor, NULL);
    looker->has_predecessor = false;
}

static void leave_place(struct looker *looker)
{
    looker->is_retiring = looker->is_started = false;
    looker->predecessor = looker->thread;
    looker->has_predecessor = true;
}

/* The kernel takes away a thread's CPU when that goes offline, or out of its cgroup's set, and does
 * not give it back (cpuset(7); up to Linux 6.1 any change of the set ends the pinning). A looker
 * elsewhere than where it is taken to be would prove nothing. False: it can't be there. */
static bool is_kept_to_its_cpu(const struct looker *looker)
{
    if (sched_getcpu() == looker->cpu)
        return true;
    cpu_set_t *only = calloc(1, looker->crew->allowed_bytes);
    if (!only)
        return false;
    CPU_SET_S((size_t)looker->cpu, looker->crew->allowed_bytes, only);
    bool is_there = !sched_setaffinity(0, looker->crew->allowed_bytes, only);
    free(only);
    return is_there;
}

/* Where to go on instead of on a CPU that we may not use. */
static int leave_cpu(struct hop_crew *crew, int cpu)
{
    CPU_CLR_S((size_t)cpu, crew->allowed_bytes, crew->allowed);
    int next_cpu = any_cpu(crew);
    if (next_cpu < 0)
        crew->failed_errno = EINVAL;
    return next_cpu;
}

static void *look_when_it_is_our_turn(void *argument)
{
    struct looker *looker = argument;
    struct hop_crew *crew = looker->crew;
    /* Timers of this thread fire when they are due, not up to 50 µs later (prctl(2)). */
    prctl(PR_SET_TIMERSLACK, 1UL);
    setpriority(PRIO_PROCESS, (id_t)gettid(), -20); /* of no account to a real-time thread */
    wait_for_predecessor(looker);
    for (;;) {
        while (sem_wait(&looker->turn))
            continue;
        if (crew->is_ending)
            return NULL;
        int cpu = looker->cpu;
        do
            cpu = is_kept_to_its_cpu(looker) ? crew->step(crew->context, looker->cpu)
                                             : leave_cpu(crew, looker->cpu);
        while (cpu == looker->cpu && !looker->is_retiring);
        bool is_retiring = looker->is_retiring;
        if (is_retiring)
            leave_place(looker);
        if (cpu == HOP_CREW_DONE || !hop_crew_has_cpu(crew, cpu))
            finish(crew);
        else
            pass_turn(crew, cpu);
        if (is_retiring)
            return NULL;
    }
}

/* A wake-up should preempt at once, also on a busy machine: a fair scheduler lets others finish
 * their slice first when we have had our share. Where it is allowed (root, CAP_SYS_NICE,
 * RLIMIT_RTPRIO) lookers are real-time threads from their start, of the lowest priority: below
 * those of the target, if it has any. They work for some microseconds at a time, and
 * hop_deadlines_wait keeps them from more. Elsewhere they are as nice as they may be, or as we are:
 * later, not wrong. */
static int create_prompt_thread(struct looker *looker, pthread_attr_t *attributes)
{
    struct sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_FIFO)};
    pthread_attr_setinheritsched(attributes, PTHREAD_EXPLICIT_SCHED);
    pthread_attr_setschedpolicy(attributes, SCHED_FIFO);
    pthread_attr_setschedparam(attributes, &lowest);
    int failed = pthread_create(&looker->thread, attributes, look_when_it_is_our_turn, looker);
    if (failed != EPERM)
        return failed;
    pthread_attr_setinheritsched(attributes, PTHREAD_INHERIT_SCHED);
    return pthread_create(&looker->thread, attributes, look_when_it_is_our_turn, looker);
}

static bool start_looker(struct looker *looker)
{
    struct hop_crew *crew = looker->crew;
    cpu_set_t *only = malloc(crew->allowed_bytes);
    pthread_attr_t attributes;
    if (!only || pthread_attr_init(&attributes)) {
        free(only);
        crew->failed_errno = ENOMEM;
        return false;
    }
    CPU_ZERO_S(crew->allowed_bytes, only);
    CPU_SET_S(looker->cpu, crew->allowed_bytes, only);
    pthread_attr_setstacksize(&attributes, LOOKER_STACK_BYTES);
    pthread_attr_setaffinity_np(&attributes, crew->allowed_bytes, only);
    /* Those of a crash stay: blocked, they could not be handled. */
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS};
    sigset_t all, before;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        sigdelset(&all, crashes[i]);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = create_prompt_thread(looker, &attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    free(only);
    crew->failed_errno = failed;
    looker->is_started = !failed;
    return looker->is_started;
}

/* The calling thread's CPU set, however many CPUs the kernel is made for. */
static bool read_allowed(struct hop_crew *crew)
{
    for (int cpus = CPU_SETSIZE; cpus <= 1 << 16; cpus *= 2) {
        cpu_set_t *set = CPU_ALLOC((size_t)cpus);
        size_t bytes = CPU_ALLOC_SIZE((size_t)cpus);
        if (!set)
            return false;
        CPU_ZERO_S(bytes, set);
        if (!sched_getaffinity(0, bytes, set)) {
            crew->allowed = set;
            crew->allowed_bytes = bytes;
            for (int cpu = 0; cpu < cpus; cpu++)
                if (CPU_ISSET_S(cpu, bytes, set))
                    crew->cpu_count = cpu + 1;
            return true;
        }
        CPU_FREE(set);
        if (errno != EINVAL)
            return false;
    }
    return false;
}

enum hop_status hop_crew_create(struct hop_crew **result, struct hop_error *err)
{
    struct hop_crew *crew = calloc(1, sizeof *crew);
    if (!crew || !read_allowed(crew) ||
        !(crew->lookers = calloc((size_t)crew->cpu_count, sizeof *crew->lookers))) {
        int why = errno;
        hop_crew_destroy(crew);
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "cannot learn which CPUs to look from: %s",
                             strerror(why));
    }
    sem_init(&crew->called, 0, 0);
    for (int cpu = 0; cpu < crew->cpu_count; cpu++) {
        crew->lookers[cpu] = (struct looker){.crew = crew, .cpu = cpu};
        sem_init(&crew->lookers[cpu].turn, 0, 0);
    }
    *result = crew;
    return HOP_OK;
}

void hop_crew_destroy(struct hop_crew *crew)
{
    if (!crew)
        return;
    crew->is_ending = true;
    for (int cpu = 0; crew->lookers && cpu < crew->cpu_count; cpu++) {
        if (crew->lookers[cpu].is_started) {
            sem_post(&crew->lookers[cpu].turn);
            pthread_join(crew->lookers[cpu].thread, NULL);
        }
        wait_for_predecessor(&crew->lookers[cpu]);
    }
    free(crew->lookers);
    if (crew->allowed)
        CPU_FREE(crew->allowed);
    free(crew);
}

bool hop_crew_has_cpu(const struct hop_crew *crew, int cpu)
{
    return cpu >= 0 && cpu < crew->cpu_count &&
           CPU_ISSET_S(cpu, crew->allowed_bytes, crew->allowed);
}

void hop_crew_retire(struct hop_crew *crew, int cpu)
{
    crew->lookers[cpu].is_retiring = true;
}

int hop_crew_cpu_count(const struct hop_crew *crew)
{
    return CPU_COUNT_S(crew->allowed_bytes, crew->allowed);
}

int hop_crew_cpu_of(const struct hop_crew *crew, const struct hop_process *process)
{
    struct hop_task_stat stat;
    if (hop_task_stat_read(process->dir_fd, &stat) && hop_crew_has_cpu(crew, stat.processor))
        return stat.processor;
    return any_cpu(crew);
}

bool hop_crew_send(struct hop_crew *crew, hop_crew_errand_fn *errand, void *context)
{
    if (atomic_load(&crew->is_on_errand))
        return false;
    crew->errand = errand;
    crew->errand_context = context;
    atomic_store(&crew->is_on_errand, true);
    sem_post(&crew->called);
    return true;
}

bool hop_crew_is_on_errand(const struct hop_crew *crew)
{
    return atomic_load(&crew->is_on_errand);
}

static void do_errand(struct hop_crew *crew)
{
    if (!atomic_load(&crew->is_on_errand))
        return;
    crew->errand(crew->errand_context);
    atomic_store(&crew->is_on_errand, false);
}

enum hop_status hop_crew_run(struct hop_crew *crew, int cpu, hop_crew_step_fn *step, void *context,
                             struct hop_error *err)
{
    crew->step = step;
    crew->context = context;
    crew->failed_errno = 0;
    atomic_store(&crew->is_finished, false);
    pass_turn(crew, cpu);
    do {
        while (sem_wait(&crew->called))
            continue;
        do_errand(crew);
    } while (!atomic_load(&crew->is_finished));
    do_errand(crew); /* sent between the two */
    if (crew->failed_errno)
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "cannot start a thread to look from: %s",
                             strerror(crew->failed_errno));
    return HOP_OK;
}
