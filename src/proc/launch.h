/* Starts the program that `record` watches. */
#ifndef HOP_PROC_LAUNCH_H
#define HOP_PROC_LAUNCH_H

#include "base/status.h"

/* Forks and executes argv (argv[0] looked up in PATH) with our own standard streams, environment and signal
 * dispositions as they were when the library was entered; returns once exec has succeeded.
 * HOP_ERR_LAUNCH with errno in *exec_errno when it did not. The caller waits for *pid. */
enum hop_status hop_launch(char *const argv[], int *pid, int *exec_errno, struct hop_error *err);

#endif
