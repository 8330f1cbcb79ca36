/* Fills errors; knows nothing of what they are about. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>

enum hop_status hop_error_set(struct hop_error *err, enum hop_status status, const char *remedy,
                              const char *message, ...)
{
    if (!err)
        return status;
    err->status = status;
    va_list args;
    va_start(args, message);
    vsnprintf(err->message, sizeof err->message, message, args);
    va_end(args);
    snprintf(err->remedy, sizeof err->remedy, "%s", remedy ? remedy : "");
    return status;
}
