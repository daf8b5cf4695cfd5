/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_QUICK_H
#define TAPMETER_TAP_QUICK_H
/* Which values of a spec BPF need not evaluate, since they are of the commonest kinds. Pure. */
#include <tapmeter/abi.h>

/* Fills in spec->quick from the rest of the spec. */
void spec_quicken(struct tm_spec *spec);

#endif
