/* SPDX-License-Identifier: Apache-2.0 */
/*
 * result.h - the one error convention: 0 (or a count >= 0) on success, -errno on failure.
 *
 * The vocabulary, beside errno's ordinary meanings:
 *   -ENOKEY        no such key, slot or unlock secret
 *   -EKEYREJECTED  the secret that was given opens no slot
 *   -EKEYREVOKED   the key was destroyed
 *   -EBADMSG       authentication failed: the bytes are not what was written
 *   -EUCLEAN       bytes on disk that are not of the documented form
 *   -EPROTONOSUPPORT  a newer format than this program knows
 *   -EACCES        the policy (or a role) said no
 *   -ESTALE        older than what the anchor or checkpoint has seen
 *   -EBUSY         held by another process or command
 */
#ifndef KEYSTORE_BASE_RESULT_H
#define KEYSTORE_BASE_RESULT_H

/* Words for a result, without a full stop; never NULL. Static storage. */
const char *result_text(int result);

#endif
