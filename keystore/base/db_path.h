/* SPDX-License-Identifier: Apache-2.0 */
/* db_path.h - the files around a database: where they are, made, checked, synced. Used by db.c. */
#ifndef KEYSTORE_BASE_DB_PATH_H
#define KEYSTORE_BASE_DB_PATH_H

#define DB_PATH_SIZE 512 /* SQLite's own MAX_PATHNAME, with the suffix "-journal" inside it */
#define DB_URI_SIZE  (3 * DB_PATH_SIZE + 32)

/*
 * The path with its directory resolved: SQLITE_OPEN_NOFOLLOW refuses a symlink anywhere in the
 * path, our promise is only about the last component. An absolute path also cannot be taken for a
 * URI.
 */
int db_path_resolve(const char *path, char ret_path[DB_PATH_SIZE]);
/*
 * Makes an empty file, 0600, that must not exist yet; SQLite takes it for an empty database and
 * gives -wal and -shm its mode. Returns a descriptor.
 */
int db_path_create(const char *path);
/* 0 when path itself is a regular file. */
int db_path_check(const char *path);
/* 1 when commits lie in the write-ahead log beside path; 0 when there is none, or an empty one. */
int db_path_has_log(const char *path);
/* The URI for a database that nobody changes: path with every byte that means something encoded. */
void db_path_to_immutable_uri(const char *path, char ret_uri[DB_URI_SIZE]);
/* fsync of the file behind fd and of the directory that path (resolved) lies in. */
int db_path_sync(int fd, const char *path);

#endif
