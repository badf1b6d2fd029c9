/* SPDX-License-Identifier: Apache-2.0 */
/* limits.h - every limit of the product in one place, each with its reason. */
#ifndef KEYSTORE_BASE_LIMITS_H
#define KEYSTORE_BASE_LIMITS_H

/* Sizes that the formats fix (contrib/docs/format.md). */
#define ID_SIZE	    16	 /* vault id, file id: random, never reused */
#define KEY_SIZE    32	 /* every symmetric key: 256 bits */
#define DIGEST_SIZE 32	 /* SHA-256, HMAC-SHA-256 */
#define PAGE_BYTES  4096 /* header, tag page, seal page, padding unit of an object */

#define LIMIT_NAME	  255	      /* bytes in one name: what Linux file systems allow */
#define LIMIT_PATH	  65536	      /* bytes in a path inside a vault; deeper trees are refused */
#define LIMIT_DEPTH	  1024	      /* directories above a file: bounds every walk to the root */
#define LIMIT_LINK_TARGET 4095	      /* PATH_MAX less its NUL: what readlink(2) can answer */
#define LIMIT_XATTR_NAME  255	      /* XATTR_NAME_MAX */
#define LIMIT_XATTR_VALUE 65536	      /* XATTR_SIZE_MAX */
#define LIMIT_FILE_SIZE	  (1LL << 50) /* 1 PiB: keeps every offset far from overflow */

#define LIMIT_SEALED_ROW \
	(1 << 20) /* bytes in a row; ours are far smaller, a forged one may not be */
#define LIMIT_SEALED_TABLES  64
#define LIMIT_SEALED_COLUMNS 64

#define LIMIT_PATTERN	 4096	     /* bytes in a rule's pattern */
#define LIMIT_RULE_TEXT	 65536	     /* bytes in one rule as text */
#define LIMIT_RULE_WORDS 256	     /* subject words in one rule */
#define LIMIT_RULE_FILE	 (256 << 20) /* bytes in a file of rules, which is held whole */
#define LIMIT_RULES	 1000000     /* rules in a file: about a kilobyte of memory each */
#define LIMIT_NOTE	 1024	     /* bytes in a rule's note: it is read in one line */
#define LIMIT_BUDGET	 (1LL << 62) /* opens or bytes in a period: a file more does not overflow */
#define LIMIT_GROUPS	 65536	     /* NGROUPS_MAX: supplementary groups of a process */

#define LIMIT_KEY_FILE	   8192 /* bytes read from a key file */
#define LIMIT_KEY_FILE_MIN 32	/* fewer bytes than a key has are no key file */
#define LIMIT_PASSPHRASE   4096 /* bytes in a passphrase */
#define LIMIT_SLOTS	   64	/* ways to unlock; each wrong passphrase costs one scrypt a slot */

#define LIMIT_MESSAGE	  (1 << 20) /* bytes in one control message */
#define LIMIT_FIELDS	  4096	    /* fields in one control message */
#define LIMIT_DESCRIPTORS 8	    /* descriptors passed with one control message */
#define LIMIT_CLIENTS	  64	    /* control connections at once */

#define LIMIT_AUDIT_QUEUE \
	65536 /* records that wait for the group commit; beyond it opens are refused */
#define LIMIT_AUDIT_TEXT 65536	 /* bytes in one text field of a record */
#define LIMIT_HANDLES	 1048576 /* open handles of one server */
/* Open handles of one user: whatever he does, others can open files. */
#define LIMIT_HANDLES_OF_USER (LIMIT_HANDLES / 2)

#endif
