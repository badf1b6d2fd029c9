/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_slots.h - how many files one user has poured out to him at a time: who reads slowly holds
 * his own slots, never all threads of the server.
 */
#ifndef FS_CMD_EXPORT_SLOTS_H
#define FS_CMD_EXPORT_SLOTS_H

#include <stdint.h>

#include "keystore/base/scope.h"

#define EXPORTS_OF_ONE_USER 8U

struct export_slots;

int export_slots_new(struct export_slots **ret_slots);
struct export_slots *export_slots_free(struct export_slots *slots);
/* Waits up to 5 s for a slot of that user. -EBUSY: none came free. */
int export_slot_take(struct export_slots *slots, uint32_t uid);
void export_slot_give(struct export_slots *slots, uint32_t uid);

SCOPE_FUNCTION(struct export_slots *, export_slots_free);

#endif
