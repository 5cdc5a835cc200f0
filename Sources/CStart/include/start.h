/* SPDX-License-Identifier: Apache-2.0 */
/* What kiter was started with. Swift reads it from /proc, and has no arguments where that fails. */
#pragma once

/* How many arguments there are, the program's name among them. */
int kiter_argument_count(void);

/* An argument, which stays where it is. */
const char *kiter_argument(int number);
