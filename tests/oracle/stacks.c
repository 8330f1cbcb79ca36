/* The oracle's first part: impossible stacks, refusals and shares. */
#include "oracle/oracle.h"

size_t oracle_stacks(const struct oracle_options *options)
{
    (void)options;
    return 0;
}
