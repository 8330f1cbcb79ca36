/* A CPU that goes offline between one moment and the next, without taking it from anybody: threads
 * made with it for their only CPU are told to use one that the machine does not have, which the
 * kernel refuses in the same way. (The tests are linked with --wrap of
 * pthread_attr_setaffinity_np.)
 */
#ifndef TEST_OFFLINE_H
#define TEST_OFFLINE_H

void take_offline(int cpu);

#endif
