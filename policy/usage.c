/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage.c - what is used, in memory as in the rows. A charge is counted under the rows' lock from
 * looking to storing, so that two opens cannot both take what is left once; whoever only asks is
 * held up by no disk. Lock order: the rows' lock, then usage->lock.
 */
#include "policy/usage.h"

#include <errno.h>
#include <pthread.h>

#include "policy/usage_store.h"

#define FIRST_CHAINS 64 /* a power of two */

struct usage_entry {
	struct usage_entry *next;
	uint64_t rule;
	uint32_t uid;
	struct usage_count count;
};

struct usage {
	struct sealed_rows *rows; /* guarded by the caller's lock */
	void (*lock_rows)(void *arg);
	void (*unlock_rows)(void *arg);
	void *arg;
	/* Guarded by lock. */
	pthread_mutex_t lock;
	struct usage_entry **chains;
	size_t chain_count; /* a power of two */
	size_t entry_count;
};

static struct usage_entry **chain_of(const struct usage *usage, uint64_t rule, uint32_t uid)
{
	/* Fibonacci hashing: numbers of rules and users are small and in rows. */
	uint64_t hash = (rule * UINT64_C(0x9e3779b97f4a7c15)) ^
			((uint64_t)uid * UINT64_C(0xc2b2ae3d27d4eb4f));

	return &usage->chains[(hash ^ hash >> 32) & (usage->chain_count - 1)];
}

static struct usage_entry *find(const struct usage *usage, uint64_t rule, uint32_t uid)
{
	struct usage_entry *entry = *chain_of(usage, rule, uid);

	while (entry && (entry->rule != rule || entry->uid != uid))
		entry = entry->next;
	return entry;
}

/* Twice the chains; without memory for them they grow longer instead. */
static void grow(struct usage *usage)
{
	struct usage old = *usage;
	struct usage_entry **chains = calloc(2 * old.chain_count, sizeof(struct usage_entry *));

	if (!chains)
		return;
	usage->chains = chains;
	usage->chain_count = 2 * old.chain_count;
	for (size_t i = 0; i < old.chain_count; i++) {
		while (old.chains[i]) {
			struct usage_entry *entry = old.chains[i], **chain;

			old.chains[i] = entry->next;
			chain = chain_of(usage, entry->rule, entry->uid);
			entry->next = *chain;
			*chain = entry;
		}
	}
	free(old.chains);
}

static void insert(struct usage *usage, struct usage_entry *entry)
{
	struct usage_entry **chain;

	if (usage->entry_count++ >= usage->chain_count)
		grow(usage);
	chain = chain_of(usage, entry->rule, entry->uid);
	entry->next = *chain;
	*chain = entry;
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
	usage->chain_count = FIRST_CHAINS;
	usage->chains = calloc(FIRST_CHAINS, sizeof(struct usage_entry *));
	if (!usage->chains)
		return -ENOMEM;
	r = usage_store_load(rows, load_entry, usage);
	if (r < 0)
		return r;
	*ret_usage = take(&usage);
	return 0;
}

struct usage *usage_close(struct usage *usage)
{
	if (!usage)
		return NULL;
	for (size_t i = 0; usage->chains && i < usage->chain_count; i++) {
		while (usage->chains[i]) {
			struct usage_entry *entry = usage->chains[i];

			usage->chains[i] = entry->next;
			free(entry);
		}
	}
	free(usage->chains);
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

static bool suffices(void *arg, const struct rule *rule, uint32_t uid)
{
	const struct usage_question *question = arg;
	struct usage_count count;

	if (!rule_condition_has_budget(&rule->condition))
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

static int store(
	struct sealed_rows *rows, uint64_t rule, uint32_t uid, const struct usage_count *count)
{
	int r;

	r = sealed_rows_begin(rows);
	if (r < 0)
		return r;
	r = usage_store_put(rows, rule, uid, count);
	if (r < 0) {
		sealed_rows_abort(rows);
		return r;
	}
	return sealed_rows_commit(rows);
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

static int charge_locked(struct usage *usage, const struct rule *rule, uint32_t uid, uint64_t size,
	const struct local_time *local)
{
	scope_free struct usage_entry *fresh = NULL;
	struct usage_count count;
	int r;

	usage_read(usage, rule->number, uid, &count);
	r = add_open(rule, size, local, &count);
	if (r < 0)
		return r;
	/* Before it is stored: after that nothing may fail. */
	fresh = entry_new(rule->number, uid, &count);
	if (!fresh)
		return -ENOMEM;
	r = store(usage->rows, rule->number, uid, &count);
	if (r < 0)
		return r;
	set_count(usage, &fresh);
	return 0;
}

int usage_charge(struct usage *usage, const struct rule *rule, uint32_t uid, uint64_t size,
	const struct local_time *local)
{
	int r;

	if (!rule_condition_has_budget(&rule->condition))
		return 0;
	if (usage->lock_rows)
		usage->lock_rows(usage->arg);
	r = charge_locked(usage, rule, uid, size, local);
	if (usage->unlock_rows)
		usage->unlock_rows(usage->arg);
	return r;
}

/* Who has used the rule; the caller frees. */
static int users_of(struct usage *usage, uint64_t rule, uint32_t **ret_users, size_t *ret_count)
{
	scope_free uint32_t *users = NULL;
	size_t count = 0;

	pthread_mutex_lock(&usage->lock);
	users = calloc(usage->entry_count + 1, sizeof(*users));
	for (size_t i = 0; users && i < usage->chain_count; i++)
		for (const struct usage_entry *entry = usage->chains[i]; entry; entry = entry->next)
			if (entry->rule == rule)
				users[count++] = entry->uid;
	pthread_mutex_unlock(&usage->lock);
	if (!users)
		return -ENOMEM;
	*ret_users = take(&users);
	*ret_count = count;
	return 0;
}

int usage_store_forget(struct usage *usage, uint64_t rule)
{
	scope_free uint32_t *users = NULL;
	size_t count = 0;
	int r;

	/* None comes while the caller holds the rows. */
	r = users_of(usage, rule, &users, &count);
	for (size_t i = 0; i < count && r == 0; i++)
		r = usage_store_delete(usage->rows, rule, users[i]);
	return r;
}

void usage_forget(struct usage *usage, uint64_t rule)
{
	pthread_mutex_lock(&usage->lock);
	for (size_t i = 0; i < usage->chain_count; i++) {
		struct usage_entry **at = &usage->chains[i];

		while (*at) {
			struct usage_entry *entry = *at;

			if (entry->rule != rule) {
				at = &entry->next;
				continue;
			}
			*at = entry->next;
			free(entry);
			usage->entry_count--;
		}
	}
	pthread_mutex_unlock(&usage->lock);
}
