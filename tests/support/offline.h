/* A machine with other CPUs than this one.
 *
 * A CPU that goes offline between one moment and the next, without taking it from anybody: threads
 * made with it for their only CPU are told to use one that the machine does not have, which the
 * kernel refuses in the same way. And more CPUs, or fewer, for what asks sysconf() whether one is
 * to spare. (The tests are linked with --wrap of pthread_attr_setaffinity_np and sysconf.) */
#ifndef TEST_OFFLINE_H
#define TEST_OFFLINE_H

void take_offline(int cpu);

/* Of this process; 0: as many as there are. */
void pretend_cpus(long count);

#endif
