/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terminal.c - reads one line without echo. Signals that would end or stop the process meanwhile
 * are held back, seen through a descriptor, and let through once the terminal echoes again.
 */
#include "fs/cmd/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "keystore/base/file.h"
#include "keystore/base/secret.h"

struct question {
	int tty, signals;
	const char *prompt;
	int (*keep)(void *arg, uint8_t byte);
	void *arg;
};

/* Waits for the line, or for a signal: -EINTR. Before its end nothing of a line can be read. */
static int wait_for_line(const struct question *question)
{
	struct pollfd fds[2] = {{.fd = question->tty, .events = POLLIN},
		{.fd = question->signals, .events = POLLIN}};

	while (poll(fds, 2, -1) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return fds[1].revents ? -EINTR : 0;
}

static int read_line(const struct question *question)
{
	size_t len = 0;
	uint8_t byte = 0;
	int r;

	r = file_write(question->tty, question->prompt, strlen(question->prompt));
	if (r == 0)
		r = wait_for_line(question);
	while (r == 0) {
		ssize_t got = read(question->tty, &byte, 1);

		if (got <= 0 || (byte == '\n' && !len))
			r = -ENOKEY;
		else if (byte == '\n')
			break;
		else
			r = question->keep(question->arg, byte);
		len++;
	}
	secret_wipe(&byte, sizeof(byte));
	return r;
}

static int read_silently(const struct question *question)
{
	struct termios before, silent;
	int r;

	if (tcgetattr(question->tty, &before) < 0)
		return -errno;
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	silent.c_lflag |= ECHONL;
	if (tcsetattr(question->tty, TCSAFLUSH, &silent) < 0)
		return -errno;
	r = read_line(question);
	if (tcsetattr(question->tty, TCSAFLUSH, &before) < 0 && r == 0)
		r = -errno;
	return r;
}

/* What may end or stop this process, but for what is held back already. */
static void stopping_signals(const sigset_t *blocked, sigset_t *ret_set)
{
	static const int signals[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP};

	sigemptyset(ret_set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		if (sigismember(blocked, signals[i]) != 1)
			sigaddset(ret_set, signals[i]);
	}
}

int terminal_ask(const char *prompt, int (*keep)(void *arg, uint8_t byte), void *arg)
{
	scope_fd int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	scope_fd int signals = -1;
	struct question question = {.tty = tty, .prompt = prompt, .keep = keep, .arg = arg};
	sigset_t before, stopping;
	int r;

	if (tty < 0)
		return -ENOKEY;
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	stopping_signals(&before, &stopping);
	signals = signalfd(-1, &stopping, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0)
		return -errno;
	question.signals = signals;
	do {
		pthread_sigmask(SIG_BLOCK, &stopping, NULL);
		r = read_silently(&question);
		/* Here the signal acts: nothing has taken it from the queue. */
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	} while (r == -EINTR);
	return r;
}
