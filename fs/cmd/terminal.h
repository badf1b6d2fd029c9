/* SPDX-License-Identifier: Apache-2.0 */
/* terminal.h - a question on the terminal whose answer is not shown. */
#ifndef FS_CMD_TERMINAL_H
#define FS_CMD_TERMINAL_H

#include <stdint.h>

/*
 * Asks on /dev/tty and calls keep for each byte of the answer, without its newline; keep returns 0
 * or -errno, which ends the question. A signal that ends or stops the process finds the terminal as
 * it was; after a stop the question is asked again. -ENOKEY: no terminal, or no answer.
 */
int terminal_ask(const char *prompt, int (*keep)(void *arg, uint8_t byte), void *arg);

#endif
