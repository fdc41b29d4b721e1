/* SPDX-License-Identifier: MIT */
#include <nfqueue/version.h>

#define STRING2(x) #x
#define STRING(x) STRING2(x)

const char *nfqueue_version(void)
{
	return STRING(NFQUEUE_VERSION_MAJOR) "." STRING(NFQUEUE_VERSION_MINOR) "." STRING(
		NFQUEUE_VERSION_PATCH);
}
