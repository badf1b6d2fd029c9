/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage.c - what is used, in memory as in the rows. Charges are counted under the rows' lock from
 * looking to storing, so that two opens cannot both take what is left once; whoever only asks is
 * held up by no disk. Who gets that lock stores, in one transaction, the charges of all who wait
 * for it too. Lock order: the rows' lock, then usage->lock.
 */
#include "policy/usage.h"

#include <errno.h>
#include <pthread.h>

#include "keystore/base/hash_table.h"
#include "policy/usage_store.h"

struct usage_entry {
	struct hash_link link;
	uint64_t rule;
	uint32_t uid;
	struct usage_count count;
};

/* What a charge is to one of its rules. */
struct share {
	const struct rule *rule;
	/* Guarded by the rows' lock. */
	struct usage_count count; /* with this charge */
	struct usage_entry *fresh;
};

/* On the stack of the thread that waits for it. Counted under all of its rules, or under none. */
struct charge {
	struct charge *next;
	struct share *shares;
	size_t share_count;
	const struct local_time *local;
	uint64_t size;
	uint32_t uid;
	/* Guarded by the rows' lock. */
	bool done;
	int result;
};

struct usage {
	struct sealed_rows *rows; /* guarded by the caller's lock */
	void (*lock_rows)(void *arg);
	void (*unlock_rows)(void *arg);
	void *arg;
	/* Guarded by lock. */
	pthread_mutex_t lock;
	struct hash_table entries;
	struct charge *waiting, **waiting_end; /* in the order in which they came */
};

static uint64_t hash_of(uint64_t rule, uint32_t uid)
{
	return hash_bytes(rule, &uid, sizeof(uid));
}

static struct usage_entry *entry_of(struct hash_link *link)
{
	return link ? hash_object(link, struct usage_entry, link) : NULL;
}

static struct usage_entry *find(const struct usage *usage, uint64_t rule, uint32_t uid)
{
	struct hash_link *link = hash_table_first(&usage->entries, hash_of(rule, uid));

	while (link && (entry_of(link)->rule != rule || entry_of(link)->uid != uid))
		link = hash_table_next(link);
	return entry_of(link);
}

/* usage_open has reserved the first room; without memory for more the chains grow long instead. */
static void insert(struct usage *usage, struct usage_entry *entry)
{
	hash_table_reserve(&usage->entries);
	hash_table_insert(&usage->entries, &entry->link, hash_of(entry->rule, entry->uid));
}

static struct usage_entry *entry_new(uint64_t rule, uint32_t uid, const struct usage_count *count)
{
	struct usage_entry *entry = malloc(sizeof(*entry));

	if (entry)
		*entry = (struct usage_entry){.rule = rule, .uid = uid, .count = *count};
	return entry;
}

static int load_entry(void *arg, uint64_t rule, uint32_t uid, const struct usage_count *count)
{
	struct usage *usage = arg;
	struct usage_entry *entry;

	if (find(usage, rule, uid))
		return -EUCLEAN;
	entry = entry_new(rule, uid, count);
	if (!entry)
		return -ENOMEM;
	insert(usage, entry);
	return 0;
}

int usage_open(struct sealed_rows *rows, void (*lock)(void *arg), void (*unlock)(void *arg),
	void *arg, struct usage **ret_usage)
{
	scope(usage_close) struct usage *usage = calloc(1, sizeof(*usage));
	int r;

	if (!usage)
		return -ENOMEM;
	pthread_mutex_init(&usage->lock, NULL);
	usage->rows = rows;
	usage->lock_rows = lock;
	usage->unlock_rows = unlock;
	usage->arg = arg;
	usage->waiting_end = &usage->waiting;
	r = hash_table_reserve(&usage->entries);
	if (r == 0)
		r = usage_store_load(rows, load_entry, usage);
	if (r < 0)
		return r;
	*ret_usage = take(&usage);
	return 0;
}

struct usage *usage_close(struct usage *usage)
{
	struct hash_link *link, *next;

	if (!usage)
		return NULL;
	for (link = hash_table_walk(&usage->entries, NULL); link; link = next) {
		next = hash_table_walk(&usage->entries, link);
		free(entry_of(link));
	}
	hash_table_done(&usage->entries);
	pthread_mutex_destroy(&usage->lock);
	free(usage);
	return NULL;
}

void usage_read(struct usage *usage, uint64_t rule, uint32_t uid, struct usage_count *ret_count)
{
	const struct usage_entry *entry;

	pthread_mutex_lock(&usage->lock);
	entry = find(usage, rule, uid);
	*ret_count = entry ? entry->count : (struct usage_count){0};
	pthread_mutex_unlock(&usage->lock);
}

/*
 * So much more in this period. -EDQUOT when it does not suffice. A later period begins at nothing;
 * an earlier one, of a clock that went back, is counted to the one that was begun.
 */
static int add(const struct rule_budget *budget, const struct local_time *local, uint64_t more,
	int64_t *period, uint64_t *used)
{
	int64_t now = rule_period_number(budget->period, local);

	if (!budget->limit)
		return 0;
	if (now > *period) {
		*period = now;
		*used = 0;
	}
	if (*used > budget->limit || more > budget->limit - *used)
		return -EDQUOT;
	*used += more;
	return 0;
}

static int add_open(const struct rule *rule, uint64_t size, const struct local_time *local,
	struct usage_count *count)
{
	int r;

	r = add(&rule->condition.max_opens, local, 1, &count->opens_period, &count->opens);
	if (r < 0)
		return r;
	return add(&rule->condition.max_bytes, local, size, &count->bytes_period, &count->bytes);
}

static bool is_charged(const struct charged_rules *charged, uint64_t number)
{
	for (size_t i = 0; charged && i < charged->count && i < CHARGED_MAX; i++)
		if (charged->numbers[i] == number)
			return true;
	return false;
}

static bool suffices(void *arg, const struct rule *rule, uint32_t uid)
{
	const struct usage_question *question = arg;
	struct usage_count count;

	if (!rule_condition_has_budget(&rule->condition) ||
		is_charged(question->charged, rule->number))
		return true;
	usage_read(question->usage, rule->number, uid, &count);
	return add_open(rule, question->size, &question->local, &count) == 0;
}

void usage_ask(struct usage *usage, uint64_t size, const struct local_time *local,
	struct usage_question *ret_question)
{
	*ret_question = (struct usage_question){.usage = usage,
		.size = size,
		.local = *local,
		.view = {.suffices = suffices, .arg = ret_question}};
}

/* What was used until now, those charges of the batch that stand before this one included. */
static void count_before(struct usage *usage, const struct charge *batch,
	const struct charge *charge, struct share *share)
{
	usage_read(usage, share->rule->number, charge->uid, &share->count);
	for (; batch != charge; batch = batch->next) {
		if (batch->result < 0 || batch->uid != charge->uid)
			continue;
		for (size_t i = 0; i < batch->share_count; i++)
			if (batch->shares[i].rule->number == share->rule->number)
				share->count = batch->shares[i].count;
	}
}

static int count_share(struct usage *usage, const struct charge *batch, const struct charge *charge,
	struct share *share)
{
	int r;

	count_before(usage, batch, charge, share);
	r = add_open(share->rule, charge->size, charge->local, &share->count);
	if (r < 0)
		return r;
	/* Before it is stored: after that nothing may fail. */
	share->fresh = entry_new(share->rule->number, charge->uid, &share->count);
	return share->fresh ? 0 : -ENOMEM;
}

/* A result of the charge alone: it does not suffice, there is no memory. */
static int count_charge(struct usage *usage, const struct charge *batch, struct charge *charge)
{
	int r = 0;

	for (size_t i = 0; i < charge->share_count && r == 0; i++)
		r = count_share(usage, batch, charge, &charge->shares[i]);
	return r;
}

static int put_charge(struct usage *usage, const struct charge *charge)
{
	int r = 0;

	for (size_t i = 0; i < charge->share_count && r == 0; i++)
		r = usage_store_put(usage->rows, charge->shares[i].rule->number, charge->uid,
			&charge->shares[i].count);
	return r;
}

static int put_charges(struct usage *usage, const struct charge *batch)
{
	int r = 0;

	for (const struct charge *charge = batch; charge && r == 0; charge = charge->next)
		if (charge->result == 0)
			r = put_charge(usage, charge);
	return r;
}

static int store(struct usage *usage, const struct charge *batch)
{
	int r;

	r = sealed_rows_begin(usage->rows);
	if (r < 0)
		return r;
	r = put_charges(usage, batch);
	if (r < 0) {
		sealed_rows_abort(usage->rows);
		return r;
	}
	return sealed_rows_commit(usage->rows);
}

/* In memory as it is in the rows now. *fresh is for a user who had not used the rule yet. */
static void set_count(struct usage *usage, struct usage_entry **fresh)
{
	struct usage_entry *entry;

	pthread_mutex_lock(&usage->lock);
	entry = find(usage, (*fresh)->rule, (*fresh)->uid);
	if (entry)
		entry->count = (*fresh)->count;
	else
		insert(usage, take(fresh));
	pthread_mutex_unlock(&usage->lock);
}

static void end_charge(struct usage *usage, struct charge *charge, int stored)
{
	if (charge->result == 0)
		charge->result = stored;
	for (size_t i = 0; i < charge->share_count; i++) {
		if (charge->result == 0)
			set_count(usage, &charge->shares[i].fresh);
		free(charge->shares[i].fresh);
	}
	charge->done = true;
}

static void enqueue(struct usage *usage, struct charge *charge)
{
	pthread_mutex_lock(&usage->lock);
	*usage->waiting_end = charge;
	usage->waiting_end = &charge->next;
	pthread_mutex_unlock(&usage->lock);
}

static struct charge *take_waiting(struct usage *usage)
{
	struct charge *batch;

	pthread_mutex_lock(&usage->lock);
	batch = take(&usage->waiting);
	usage->waiting_end = &usage->waiting;
	pthread_mutex_unlock(&usage->lock);
	return batch;
}

static void charge_batch(struct usage *usage, struct charge *batch)
{
	bool any = false;
	int r = 0;

	for (struct charge *charge = batch; charge; charge = charge->next) {
		charge->result = count_charge(usage, batch, charge);
		any |= charge->result == 0;
	}
	if (any)
		r = store(usage, batch);
	while (batch) {
		struct charge *charge = batch;

		batch = charge->next;
		end_charge(usage, charge, r);
	}
}

int usage_charge(struct usage *usage, const struct rule *const *rules, size_t count, uint32_t uid,
	uint64_t size, const struct local_time *local)
{
	scope_free struct share *shares = calloc(count + 1, sizeof(*shares));
	struct charge charge = {.shares = shares, .local = local, .size = size, .uid = uid};

	if (!shares)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (rule_condition_has_budget(&rules[i]->condition))
			shares[charge.share_count++].rule = rules[i];
	if (!charge.share_count)
		return 0;
	enqueue(usage, &charge);
	if (usage->lock_rows)
		usage->lock_rows(usage->arg);
	/* Who had the lock before may have seen to it. */
	if (!charge.done)
		charge_batch(usage, take_waiting(usage));
	if (usage->unlock_rows)
		usage->unlock_rows(usage->arg);
	return charge.result;
}

int usage_store_forget(struct usage *usage, const struct ruleset *kept, uint64_t end)
{
	return usage_store_keep(usage->rows, kept, end);
}

void usage_forget(struct usage *usage, const struct ruleset *kept, uint64_t end)
{
	struct hash_link *link, *next;

	pthread_mutex_lock(&usage->lock);
	for (link = hash_table_walk(&usage->entries, NULL); link; link = next) {
		next = hash_table_walk(&usage->entries, link);
		if (entry_of(link)->rule >= end || ruleset_find(kept, entry_of(link)->rule))
			continue;
		hash_table_remove(&usage->entries, link);
		free(entry_of(link));
	}
	pthread_mutex_unlock(&usage->lock);
}
