/* What belongs to the resolution curve, besides the curve. */
#ifndef ORACLE_RESOLUTION_H
#define ORACLE_RESOLUTION_H

#include "oracle/oracle.h"

/* Prints how the ways to look differ on instructions of a few ns. Nothing is wanted of it. */
void oracle_witness(const struct oracle_options *options);

#endif
