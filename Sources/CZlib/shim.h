/* SPDX-License-Identifier: Apache-2.0 */
/* zlib for Swift, which imports all that is used of it. */
#pragma once

#include <zlib.h>
