/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve_end.c - the server's end when a backing store, a client's file system or a disk keeps some
 * of its threads: nobody waits for those, but all that can be recorded and written is.
 *
 *   0 s     told to end; the main thread unmounts and waits for commands at work
 *   3.5 s   a thread of its own records what is left, writes copy and anchor, and ends the process
 *   5 s     the kernel ends it (SIGALRM), whatever that thread waits for
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "fs/cmd/serve_private.h"
#include "keystore/base/log.h"

#define PATIENCE_MS 3500
#define LIMIT_S	    5

/* Not in struct server, which is freed while the thread of limit_ending may still wait. */
static atomic_bool stopped;

struct ending {
	struct server *server;
	int code;
};

bool claim_stop(void)
{
	return !atomic_exchange(&stopped, true);
}

void wait_for_end(void)
{
	for (;;)
		pause();
}

void end_at_once(struct server *server, int code)
{
	struct vault *vault;
	char path[PATH_MAX];
	int r;

	if (!claim_stop())
		wait_for_end();
	vault = server->vault;
	log_warning("%s: the server ends while a backing store or a client keeps it waiting",
		vault->place.path);
	gate_record_closes(vault->gate);
	record_unmounts(server);
	if (record_life(vault, AUDIT_STOP, "not waiting for a store or a client any longer") < 0)
		log_error("the record of the stop could not be written");
	vault_write_anchor(vault);
	r = keystore_copy(vault->keystore);
	if (r < 0)
		log_error("%s: keystore.copy could not be written: %s", vault->place.path,
			result_text(r));
	/*
	 * Threads in an uninterruptible wait keep all descriptors beyond our end, and come back to
	 * none of our code: the next server must find neither lock nor socket.
	 */
	if (socket_path_of(geteuid(), vault->place.id_text, path, sizeof(path)) == 0)
		unlink(path);
	close(vault->lock_fd);
	unmounter_stop();
	_exit(code);
}

static void *lose_patience(void *arg)
{
	const struct timespec patience = {
		.tv_sec = PATIENCE_MS / 1000, .tv_nsec = PATIENCE_MS % 1000 * 1000000};
	struct ending *ending = arg;

	nanosleep(&patience, NULL);
	end_at_once(ending->server, ending->code);
}

void limit_ending(struct server *server, int code)
{
	struct ending *ending = malloc(sizeof(*ending));
	sigset_t all, before;
	pthread_t thread;

	alarm(LIMIT_S);
	if (!ending)
		return;
	*ending = (struct ending){.server = server, .code = code};
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&thread, NULL, lose_patience, ending) == 0)
		pthread_detach(thread);
	else
		free(ending);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}
