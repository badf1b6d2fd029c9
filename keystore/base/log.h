/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - messages of the running server for its operator: one line each, stderr while in the
 * foreground, syslog(3) once in the background. Libraries return results; only the server logs.
 * Never pass key material. Thread-safe.
 */
#ifndef KEYSTORE_BASE_LOG_H
#define KEYSTORE_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* From now on to syslog, facility daemon, or back to stderr. */
void log_to_syslog(bool syslog);
void log_set_level(enum log_level level);
void log_message(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...)	 log_message(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)	 log_message(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	 log_message(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
