/* SPDX-License-Identifier: Apache-2.0 */
/* libedit for Swift. A wrapper is here only where Swift cannot import the original: why is said. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <editline/readline.h>

/* Swift lets nobody use a global variable that any thread may change. */
static inline void kiter_edit_set_completion(rl_completion_func_t *matches)
{
	rl_attempted_completion_function = matches;
}

static inline const char *kiter_edit_line(void)
{
	return rl_line_buffer;
}

static inline void kiter_edit_offer_no_files(void)
{
	rl_attempted_completion_over = 1;
}
