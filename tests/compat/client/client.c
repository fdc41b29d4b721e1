/* SPDX-License-Identifier: MIT */
#include "client.h"
#include "wire.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define CASE_SECONDS 40
#define CHILD_CPU_MS 300 /* of a loop without end */
#define DEPTH_MAX 8
#define BYTES_SHOWN 200 /* longer ones as their sum */
#define SKIPPED 77

/* --- lines ------------------------------------------------------------------------ */

/* A callback runs within a call: each level has its errno. */
static int outer_errno[DEPTH_MAX];
static unsigned int depth;

static void print_name(const char *expr)
{
	size_t length = 0;

	while (isalnum((unsigned char)expr[length]) || expr[length] == '_')
		length++;
	printf("%.*s ", (int)length, expr);
}

static void print_bytes(const void *data, size_t length)
{
	const uint8_t *bytes = data;
	uint64_t sum = 0xcbf29ce484222325; /* FNV-1a */

	if (length <= BYTES_SHOWN) {
		for (size_t i = 0; i < length; i++)
			printf("%02x", bytes[i]);
		return;
	}
	for (size_t i = 0; i < length; i++)
		sum = (sum ^ bytes[i]) * 0x100000001b3;
	printf("%zu bytes, FNV %016llx", length, (unsigned long long)sum);
}

void show_begin(void)
{
	if (depth >= DEPTH_MAX)
		give_up("too many calls in calls");
	outer_errno[depth++] = errno;
	wire_begin();
	errno = 0;
}

static void finish_call(int error)
{
	const uint8_t *sent;
	size_t length = wire_end(&sent);

	if (error)
		printf(" errno %s", strerrorname_np(error));
	if (length) {
		printf(" sent ");
		print_bytes(sent, length);
	}
	putchar('\n');
	fflush(stdout);
	errno = outer_errno[--depth];
}

#define PRINT_LABEL(label)              \
	do {                            \
		va_list args_;          \
		va_start(args_, label); \
		vprintf(label, args_);  \
		va_end(args_);          \
		fputs(" = ", stdout);   \
	} while (0)

long long show_int(const char *expr, long long value, const char *label, ...)
{
	const int error = errno;

	print_name(expr);
	PRINT_LABEL(label);
	printf("%lld", value);
	finish_call(error);
	return value;
}

void show_void(const char *expr, const char *label, ...)
{
	const int error = errno;

	print_name(expr);
	PRINT_LABEL(label);
	fputs("done", stdout);
	finish_call(error);
}

void show_pointer(const char *expr, const void *value, const char *label, ...)
{
	const int error = errno;

	print_name(expr);
	PRINT_LABEL(label);
	fputs(value ? "set" : "NULL", stdout);
	finish_call(error);
}

void tell_bytes(const char *function, const void *bytes, size_t length, const char *label,
		...)
{
	const int error = errno;

	printf("%s ", function);
	PRINT_LABEL(label);
	if (bytes)
		print_bytes(bytes, length);
	else
		fputs("NULL", stdout);
	putchar('\n');
	fflush(stdout);
	errno = error;
}

void tell(const char *function, const char *value, const char *label, ...)
{
	const int error = errno;

	printf("%s ", function);
	PRINT_LABEL(label);
	puts(value);
	fflush(stdout);
	errno = error;
}

void tell_int(const char *function, long long value, const char *label, ...)
{
	const int error = errno;

	printf("%s ", function);
	PRINT_LABEL(label);
	printf("%lld\n", value);
	fflush(stdout);
	errno = error;
}

void give_up(const char *why)
{
	const int error = errno;

	printf("SKIP = %s: %s\n", why, strerror(error));
	fflush(stdout);
	_exit(SKIPPED);
}

/* --- cases ------------------------------------------------------------------------ */

void patience(unsigned int seconds)
{
	const char *factor = getenv("COMPAT_SLOW"); /* as valgrind and sanitizers are */

	alarm(seconds * (factor ? (unsigned int)atoi(factor) : 1));
}

static void limit_cpu(unsigned int ms)
{
	const struct itimerval limit = {.it_value.tv_usec = ms * 1000};

	setitimer(ITIMER_PROF, &limit, NULL);
}

/* A process of its own. Returns how it ended; not at all in that process. */
static int run_process(void (*run)(const void *ctx), const void *ctx, unsigned int cpu_ms)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		patience(CASE_SECONDS);
		if (cpu_ms)
			limit_cpu(cpu_ms);
		run(ctx);
		fflush(stdout);
		exit(0); /* not _exit(): the leak checkers look now */
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		perror("fork");
		exit(1);
	}
	return status;
}

static void print_end(int status)
{
	if (WIFSIGNALED(status))
		printf("SIG%s\n", sigabbrev_np(WTERMSIG(status)));
	else
		printf("exit %d\n", WEXITSTATUS(status));
	fflush(stdout);
}

void tell_child(const char *function, void (*run)(const void *ctx), const void *ctx,
		const char *label)
{
	int status = 0;

	if (getenv("COMPAT_ONE_PROCESS")) /* a leak checker takes a while at each end */
		run(ctx);
	else
		status = run_process(run, ctx, CHILD_CPU_MS);
	printf("%s %s: end = ", function, label);
	print_end(status);
}

static void run_row(const void *ctx)
{
	((const struct compat_case *)ctx)->run();
}

static void run_case(const struct compat_case *row)
{
	int status;

	printf("== %s\n", row->name);
	status = run_process(run_row, row, 0);
	printf("end = ");
	print_end(status);
}

static void print_library(void)
{
	Dl_info info;

	if (!dladdr(dlsym(RTLD_DEFAULT, "nfq_open"), &info)) {
		fputs("no nfq_open\n", stderr);
		exit(1);
	}
	printf("library = %s\n", info.dli_fname);
}

int main(int argc, char **argv)
{
	const char *wanted = argc > 1 ? argv[1] : "*";

	print_library();
	for (size_t i = 0; compat_groups[i]; i++)
		for (const struct compat_case *row = compat_groups[i]; row->name; row++)
			if (fnmatch(wanted, row->name, 0) == 0)
				run_case(row);
	return 0;
}
