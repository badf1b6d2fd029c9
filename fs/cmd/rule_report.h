/* SPDX-License-Identifier: Apache-2.0 */
/* rule_report.h - a rule as the reports show it: as fields of JSON, and what is the matter with it.
 */
#ifndef FS_CMD_RULE_REPORT_H
#define FS_CMD_RULE_REPORT_H

#include "keystore/base/json.h"
#include "policy/rule.h"

/* Whether it may apply now; the later ones of these hide the earlier. */
enum rule_state { RULE_IN_FORCE, RULE_STALE, RULE_NOT_YET, RULE_EXPIRED, RULE_STATES };
enum rule_state rule_state_of(const struct rule *rule, int64_t now_ns);
/* "in-force", "stale", ... */
const char *rule_state_word(enum rule_state state);
/* For a person: "stale: the name has another number now"; NULL: nothing is the matter. */
const char *rule_state_text(enum rule_state state);

/*
 * rule effect perms pattern subjects numbers from until hours days max_opens max_bytes note, as far
 * as it has them, else null; number 0 is null. -ENOMEM, -E2BIG.
 */
int rule_to_json(const struct rule *rule, struct json *json);

#endif
