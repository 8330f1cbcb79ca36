/* Lines of /proc/PID/status ("Key:\tvalue"): text in, numbers out; who reads the file is another's
 * affair. The kernel escapes newlines in Name (proc_task_name), so a name can't fake a line. */
#ifndef HOP_PROC_STATUS_FILE_H
#define HOP_PROC_STATUS_FILE_H

#include <stddef.h>
#include <stdint.h>

/* Enough for the fields we ask for. Groups may list 65,536 groups and stands before NSpid and the
 * capabilities; who is in more than some 700 of them has a file that is cut before these. */
enum { HOP_STATUS_BYTES = 8192 };

/* MAX_PID_NS_LEVEL of kernel/pid_namespace.c, and the first one. */
enum { HOP_PID_NAMESPACES_MAX = 33 };

/* What follows "key:" and blanks on its line, or NULL. `key` is given without the colon. */
const char *hop_status_value(const char *text, const char *key);
/* The decimal numbers on that line, at most `capacity`; how many, 0 when there is no such line. */
size_t hop_status_numbers(const char *text, const char *key, long *numbers, size_t capacity);
/* A capability mask (hexadecimal), 0 when there is no such line. */
uint64_t hop_status_mask(const char *text, const char *key);

#endif
