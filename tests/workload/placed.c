/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -ldl */
/*
 * Calls the functions of a library made by tests/e2e/shapes.py, and sees all that a caller can see.
 *
 *	placed LIBRARY
 *
 * Says {"ready": PID}, then takes commands on stdin, each answered by a line of JSON:
 *
 *	call N		calls each function N times with each of VARIANTS sets of arguments;
 *			an array with a number for each function that stands for all it has done
 *	quit (or end)	ends the program
 *
 * Argument J of function I is (0x100000 + 16 * I + J) << 16, plus 16 bits that differ by the set.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VARIANTS 8
#define ARGUMENTS 9 /* six in registers, three on the stack */

/* What is left when a function has returned. The flags are those that must not change. */
struct outcome {
	uint64_t rax, rdx, xmm0, rbx, rbp, r12, r13, r14, r15, flags;
};

void invoke(void (*fn)(void), const uint64_t arguments[ARGUMENTS], struct outcome *out);

/* All registers that a function may read are set, so that one that is not preserved shows. */
__asm__(".text\n"
	".globl invoke\n"
	".type invoke, @function\n"
	"invoke:\n"
	"	push %rbp; push %rbx; push %r12; push %r13; push %r14\n"
	"	push %r15\n"
	"	push %rdx\n"
	"	push %rdi\n"
	"	mov %rsi, %rax\n"
	"	pushq 64(%rax); pushq 56(%rax); pushq 48(%rax)\n"
	"	mov (%rax), %rdi; mov 8(%rax), %rsi; mov 16(%rax), %rdx\n"
	"	mov 24(%rax), %rcx; mov 32(%rax), %r8; mov 40(%rax), %r9\n"
	"	movq %rdi, %xmm0; movq %rsi, %xmm1\n"
	"	movabs $0x5bd1e9955bd1e995, %rbx; lea 3(%rbx), %rbp\n"
	"	lea 5(%rbx), %r10; lea 7(%rbx), %r11; lea 11(%rbx), %r12\n"
	"	lea 13(%rbx), %r13; lea 17(%rbx), %r14; lea 19(%rbx), %r15\n"
	"	cmp $0x77, %dil\n"
	"	lea 2(%rbx), %rax\n"
	"	call *24(%rsp)\n"
	"	mov 32(%rsp), %r11\n"
	"	mov %rax, (%r11); mov %rdx, 8(%r11); movq %xmm0, 16(%r11)\n"
	"	mov %rbx, 24(%r11); mov %rbp, 32(%r11); mov %r12, 40(%r11)\n"
	"	mov %r13, 48(%r11); mov %r14, 56(%r11); mov %r15, 64(%r11)\n"
	"	pushfq\n"
	"	pop %rax\n"
	"	and $0x500, %eax\n" /* direction, trap */
	"	mov %rax, 72(%r11)\n"
	"	add $40, %rsp\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp\n"
	"	ret\n"
	".size invoke, . - invoke\n");

struct library {
	void (*const *functions)(void);
	unsigned count;
};

static void check(int ok, const char *text)
{
	if (ok)
		return;
	fprintf(stderr, "placed: %s\n", text);
	exit(EXIT_FAILURE);
}

static struct library load(const char *path)
{
	void *handle = dlopen(path, RTLD_NOW);
	const unsigned *count;
	struct library library;

	check(handle != NULL, "cannot load the library");
	library.functions = (void (*const *)(void))dlsym(handle, "placed_functions");
	count = dlsym(handle, "placed_count");
	check(library.functions && count, "not a library of shapes.py");
	library.count = *count;
	return library;
}

static void fill(uint64_t arguments[ARGUMENTS], unsigned function, unsigned variant)
{
	static const uint16_t low[] = { 0, 1, 2, 0xffff };
	uint32_t random = function * 2654435761u + variant * 40503u + 1;

	for (unsigned i = 0; i < ARGUMENTS; i++) {
		random = random * 1664525u + 1013904223u;
		arguments[i] = (uint64_t)(0x100000 + 16 * function + i) << 16;
		arguments[i] |= variant + i < 4 ? low[variant + i] : random >> 16;
	}
}

/* FNV-1a over all outcomes. */
static uint64_t call(const struct library *library, unsigned function, unsigned long times)
{
	uint64_t arguments[ARGUMENTS], hash = 14695981039346656037u;
	struct outcome outcome;

	for (unsigned variant = 0; variant < VARIANTS; variant++) {
		fill(arguments, function, variant);
		for (unsigned long i = 0; i < times; i++) {
			memset(&outcome, 0, sizeof(outcome));
			invoke(library->functions[function], arguments, &outcome);
			for (size_t at = 0; at < sizeof(outcome); at++)
				hash = (hash ^ ((unsigned char *)&outcome)[at]) * 1099511628211u;
		}
	}
	return hash;
}

int main(int argc, char **argv)
{
	struct library library;
	unsigned long times;
	char line[64];

	check(argc == 2, "usage: placed LIBRARY");
	library = load(argv[1]);
	printf("{\"ready\": %d}\n", getpid());
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) && strncmp(line, "call ", 5) == 0) {
		times = strtoul(line + 5, NULL, 10);
		for (unsigned i = 0; i < library.count; i++)
			printf("%s\"%llx\"", i ? ", " : "[",
			       (unsigned long long)call(&library, i, times));
		printf("]\n");
		fflush(stdout);
	}
	return EXIT_SUCCESS;
}
