/* What this build is. The version comes from the Makefile. */
#include "heavyops.h"

#include "py/layout.h"

const char *hop_version(void)
{
    return HOP_VERSION;
}

const char *hop_supported_pythons(void)
{
    return hop_layout_supported();
}
