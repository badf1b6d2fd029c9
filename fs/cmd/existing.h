/* SPDX-License-Identifier: Apache-2.0 */
/* existing.h - what import and export do with a name that is taken by something else. */
#ifndef FS_CMD_EXISTING_H
#define FS_CMD_EXISTING_H

enum existing_choice { EXISTING_IS_ERROR, EXISTING_SKIP, EXISTING_REPLACE };

#endif
