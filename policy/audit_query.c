/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_query.c - records that pass a filter, one after the other. What SQL cannot tell (patterns)
 * is decided here, record by record.
 */
#include "policy/audit.h"

#include <errno.h>
#include <fnmatch.h>

#include "policy/audit_read_store.h"

static int range_from_filter(const struct audit_filter *filter, struct audit_range *ret_range)
{
	struct audit_range range = {
		.uid = filter->uid,
		.gid = filter->gid,
		.rule = filter->rule,
		.since_ns = filter->since_ns,
		.until_ns = filter->until_ns,
		.after_seq = filter->after_seq,
		.newest_first = filter->newest_first,
	};
	enum audit_outcome outcome;
	enum audit_action action;
	int r;

	if (filter->action) {
		r = audit_action_from_word(filter->action, &action);
		if (r < 0)
			return r;
		range.action = action;
	}
	if (filter->outcome) {
		r = audit_outcome_from_word(filter->outcome, &outcome);
		if (r < 0)
			return r;
		range.outcome = outcome;
	}
	*ret_range = range;
	return 0;
}

static bool name_matches(const char *pattern, const char *name)
{
	if (!pattern)
		return true;
	if (!name)
		return false;
	return strcmp(pattern, name) == 0 || fnmatch(pattern, name, 0) == 0;
}

static bool record_matches(const struct audit_filter *filter, const struct audit_record *record)
{
	const struct audit_event *event = &record->event;

	if (!name_matches(filter->exe, event->exe) || !name_matches(filter->unit, event->unit))
		return false;
	if (!filter->path_matches)
		return true;
	return event->path && filter->path_matches(filter->path_arg, event->path, event->path_len);
}

int audit_query(const char *trail, const struct audit_filter *filter,
	int (*each)(void *arg, const struct audit_record *record), void *arg)
{
	scope(db_close) struct db *db = NULL;
	scope(db_done) struct db_query *query = NULL;
	struct audit_range range;
	struct audit_record record;
	enum audit_column column;
	uint64_t found = 0;
	int r;

	r = range_from_filter(filter, &range);
	if (r < 0)
		return r;
	r = audit_read_open(trail, &db);
	if (r < 0)
		return r;
	r = audit_read_records(db, &range, &query);
	if (r < 0)
		return r;
	while ((r = audit_read_next(query, &record, &column)) > 0) {
		if (!record_matches(filter, &record))
			continue;
		r = each(arg, &record);
		if (r != 0)
			return r;
		if (++found == filter->limit)
			return 0;
	}
	return r;
}
