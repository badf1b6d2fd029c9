/* SPDX-License-Identifier: Apache-2.0 */
/* vault_clock.c - watches the clock, puts its steps on record, and decides again when rules turn.
 */
#include "fs/cmd/vault_clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "fs/cmd/commands.h"
#include "keystore/base/clock.h"
#include "keystore/base/log.h"
#include "policy/time_zone.h"

#define LOOK_EVERY_NS NS_PER_S
/* Records may have been made by another machine, whose clock differs a little. */
#define BEFORE_RECORD_NS (60 * NS_PER_S)

static int store_clock(struct vault *vault, bool distrusted)
{
	struct sealed_rows *rows = keystore_rows(vault->keystore);
	int r;

	keystore_lock_rows(vault->keystore);
	r = sealed_rows_begin(rows);
	if (r == 0)
		r = policy_store_clock(vault->policy, distrusted);
	if (r == 0)
		r = sealed_rows_commit(rows);
	else
		sealed_rows_abort(rows);
	keystore_unlock_rows(vault->keystore);
	return r;
}

/* In force first; what cannot be written now is tried again. */
static void distrust(struct clock_keeper *keeper, struct vault *vault, const char *how)
{
	struct audit_event event = AUDIT_EVENT_EMPTY;

	policy_set_clock_distrusted(vault->policy, true);
	gate_decide_again(vault->gate);
	log_warning("%s: %s: rules that allow by time wait for `modelvault accept %s --clock`",
		vault->place.path, how, vault->place.path);
	event.action = AUDIT_CLOCK;
	event.outcome = AUDIT_ERROR;
	event.reason = REASON_CLOCK_STEP;
	event.detail = how;
	if (audit_append(vault->audit, &event, NULL, NULL) < 0)
		log_error("the record of a clock that was set could not be queued");
	keeper->unsaved = store_clock(vault, true) < 0;
}

static int keep_time(void *arg, const struct audit_record *record)
{
	*(int64_t *)arg = record->event.time_ns;
	return 1;
}

static int64_t last_record_ns(const struct vault *vault)
{
	struct audit_filter filter = AUDIT_FILTER_EMPTY;
	scope_free char *trail = NULL;
	int64_t time_ns = 0;

	filter.newest_first = true;
	filter.limit = 1;
	if (asprintf(&trail, "%s/audit.db", vault->place.path) < 0 ||
		audit_query(trail, &filter, keep_time, &time_ns) < 0)
		return 0;
	return time_ns;
}

void clock_keeper_begin(struct clock_keeper *keeper, struct vault *vault)
{
	int64_t now_ns = clock_now_ns(), last_ns = last_record_ns(vault);
	char how[96];

	*keeper = (struct clock_keeper){.next_ns = INT64_MAX};
	clock_watch_begin(&keeper->watch, now_ns, clock_boot_ns());
	policy_note_clock(vault->policy, now_ns, clock_boot_ns());
	if (last_ns - now_ns <= BEFORE_RECORD_NS || policy_clock_is_distrusted(vault->policy))
		return;
	snprintf(how, sizeof(how), "the clock stands %lld s before the last record",
		(long long)((last_ns - now_ns) / NS_PER_S));
	distrust(keeper, vault, how);
}

static void look_at_clock(struct clock_keeper *keeper, struct vault *vault)
{
	int64_t now_ns = clock_now_ns(), boot_ns = clock_boot_ns(), step_ns;
	char how[96];

	if (clock_watch_look(&keeper->watch, now_ns, boot_ns, &step_ns)) {
		snprintf(how, sizeof(how), "the clock was set by %+.1f s",
			(double)step_ns / (double)NS_PER_S);
		distrust(keeper, vault, how);
	}
	policy_note_clock(vault->policy, now_ns, boot_ns);
	if (keeper->unsaved)
		keeper->unsaved = store_clock(vault, true) < 0;
}

/* Who has a file open by a rule that has ended serves no more; the next turn is worked out. */
static void look_at_rules(struct clock_keeper *keeper, struct vault *vault)
{
	struct ruleset *ruleset = policy_ruleset(vault->policy);
	unsigned zone = time_zone_generation();
	int64_t now_ns = clock_now_ns();
	bool turned = now_ns >= keeper->next_ns;

	if (turned)
		gate_decide_again(vault->gate);
	if (turned || ruleset != keeper->ruleset || zone != keeper->zone) {
		keeper->zone = zone;
		keeper->next_ns = ruleset_next_change(ruleset, now_ns);
		ruleset_unref(keeper->ruleset);
		keeper->ruleset = ruleset_ref(ruleset);
	}
	ruleset_unref(ruleset);
}

void clock_keeper_look(struct clock_keeper *keeper, struct vault *vault, bool set)
{
	int64_t now_ns = clock_monotonic_ns();

	if (set || now_ns - keeper->looked_ns >= LOOK_EVERY_NS) {
		keeper->looked_ns = now_ns;
		look_at_clock(keeper, vault);
		/* Backwards, the next turn is another one. */
		if (set)
			keeper->ruleset = ruleset_unref(keeper->ruleset);
	}
	look_at_rules(keeper, vault);
}

void clock_keeper_end(struct clock_keeper *keeper)
{
	keeper->ruleset = ruleset_unref(keeper->ruleset);
}

int clock_set_fd(void)
{
	/* Far off: only that it is cancelled matters. */
	const struct itimerspec never = {.it_value.tv_sec = 1LL << 40};
	scope_fd int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) < 0)
		return -errno;
	return take_fd(&fd);
}

bool clock_was_set(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) < 0 && errno == ECANCELED;
}

/* `accept VAULT --clock`: the clock is right as it is. */
int verb_accept(struct vault *vault, struct verb_call *call)
{
	struct audit_event event = vault_event(call, AUDIT_ACCEPT);
	char now[TIME_WORDS_SIZE], detail[TIME_WORDS_SIZE + 16];
	struct gate_effect effect;
	int r;

	time_to_words(clock_now_ns(), now);
	if (!policy_clock_is_distrusted(vault->policy)) {
		remark(call->output, "the clock is not doubted; it shows %s", now);
		return EXIT_DONE;
	}
	snprintf(detail, sizeof(detail), "clock: %s", now);
	event.detail = detail;
	if (vault_record(vault, call, &event) < 0)
		return EXIT_FAILED;
	r = store_clock(vault, false);
	if (r < 0) {
		complain(call->output,
			"accept: keystore.db cannot be written (%s); nothing was changed",
			result_text(r));
		return exit_code_of(r);
	}
	policy_set_clock_distrusted(vault->policy, false);
	gate_enact(vault->gate, NULL, &effect);
	vault_write_anchor(vault);
	remark(call->output, "the clock is accepted; it shows %s", now);
	return EXIT_DONE;
}
