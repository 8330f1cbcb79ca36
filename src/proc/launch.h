/* Starts the program that `record` watches. */
#ifndef HOP_PROC_LAUNCH_H
#define HOP_PROC_LAUNCH_H

#include "base/status.h"

/* Executes argv (argv[0] looked up in PATH) in a child with our own standard streams, environment
 * and CPU affinity, the caller's signal mask, and its signal dispositions: what the caller ignores
 * stays ignored, what it handles becomes the default. (So a caller leaves SIGINT alone that was
 * ignored when it started, as nohup and `&` do.) Returns once exec has succeeded; HOP_ERR_LAUNCH
 * with its errno in *exec_errno when it did not. The caller waits for *pid. */
enum hop_status hop_launch(char *const argv[], int *pid, int *exec_errno, struct hop_error *err);

#endif
