/* SPDX-License-Identifier: Apache-2.0 */
#include "start.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int count;
static char **arguments;

/* glibc gives constructors what it gives main(). A sanitizer is not there yet. */
__attribute__((disable_sanitizer_instrumentation)) static void start(int argc, char **argv)
{
	char path[1], text[200];

	count = argc;
	arguments = argv;
	if (readlink("/proc/self/exe", path, sizeof(path)) > 0)
		return;
	int length = snprintf(text, sizeof(text),
			      "kiter: /proc/self/exe: %s; mount procfs (mount -t proc proc /proc)\n",
			      strerror(errno));
	if (write(STDERR_FILENO, text, (size_t)length) < 0)
		_exit(2);
	_exit(1);
}

/* Before the constructors of all libraries: Swift's aborts without /proc. */
__attribute__((section(".preinit_array"), used)) static void (*const first)(int, char **) = start;

int kiter_argument_count(void)
{
	return count;
}

const char *kiter_argument(int number)
{
	return arguments[number];
}
