/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the null server's files consist of, and what tests/bench/reader -c expects in them.
 */
#pragma once

#include <stdint.h>

#define BENCH_WORD UINT64_C(0x746c7561766c646d)
