/* What --wrap puts in the place of pthread_attr_setaffinity_np and sysconf; see the header. */
#include "support/offline.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

static int offline_cpu = -1;
static long pretended_cpus;

void take_offline(int cpu)
{
    offline_cpu = cpu;
}

int __real_pthread_attr_setaffinity_np(pthread_attr_t *attributes, size_t bytes,
                                       const cpu_set_t *set);
int __wrap_pthread_attr_setaffinity_np(pthread_attr_t *attributes, size_t bytes,
                                       const cpu_set_t *set);

int __wrap_pthread_attr_setaffinity_np(pthread_attr_t *attributes, size_t bytes,
                                       const cpu_set_t *set)
{
    cpu_set_t absent;
    if (offline_cpu < 0 || !CPU_ISSET_S((size_t)offline_cpu, bytes, set))
        return __real_pthread_attr_setaffinity_np(attributes, bytes, set);
    CPU_ZERO(&absent);
    CPU_SET(CPU_SETSIZE - 1, &absent);
    return __real_pthread_attr_setaffinity_np(attributes, sizeof absent, &absent);
}

void pretend_cpus(long count)
{
    pretended_cpus = count;
}

long __real_sysconf(int name);
long __wrap_sysconf(int name);

long __wrap_sysconf(int name)
{
    return name == _SC_NPROCESSORS_ONLN && pretended_cpus ? pretended_cpus : __real_sysconf(name);
}
