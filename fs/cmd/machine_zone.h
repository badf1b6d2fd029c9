/* SPDX-License-Identifier: Apache-2.0 */
/* machine_zone.h - the time zone of this machine: what a new vault gets when nothing is said. */
#ifndef FS_CMD_MACHINE_ZONE_H
#define FS_CMD_MACHINE_ZONE_H

#define MACHINE_ZONE_SIZE 128

/*
 * What /etc/localtime leads to, else what /etc/timezone says, when it is a known zone; "UTC"
 * otherwise, and for every name of UTC, as that one needs no zone database.
 */
void machine_zone(char ret_name[MACHINE_ZONE_SIZE]);

#endif
