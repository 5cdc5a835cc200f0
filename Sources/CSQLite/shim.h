/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite for Swift. A wrapper is here only where Swift cannot import the original: why is said. */
#pragma once

#include <sqlite3.h>

/* sqlite3_db_config() is variadic. */
static inline int kiter_sqlite_configure(sqlite3 *database, int option, int value)
{
	return sqlite3_db_config(database, option, value, (int *)0);
}

/* SQLITE_TRANSIENT and SQLITE_STATIC are casts of numbers to function pointers. */
static inline void kiter_sqlite_result_text(sqlite3_context *context, const void *text, int size,
					    int is_lasting)
{
	sqlite3_result_text(context, (const char *)text, size,
			    is_lasting ? SQLITE_STATIC : SQLITE_TRANSIENT);
}

/* sqlite3_mprintf() is variadic; SQLite frees the text. */
static inline char *kiter_sqlite_copy(const char *text)
{
	return sqlite3_mprintf("%s", text);
}
