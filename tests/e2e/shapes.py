# SPDX-License-Identifier: Apache-2.0
"""A library of functions that begin in all the ways that matter to where a probe may stand.

Each takes nine integer arguments, and returns a sum of all that it was given: the arguments, other
registers, the flags, what is on the stack. tests/workload/placed.c calls them.
"""
import collections
import itertools
import os
import struct
import subprocess

# `probe`: how many bytes behind the entry the probe belongs; None: not known (compiled code).
Function = collections.namedtuple("Function", "name probe")

# ---- assembler --------------------------------------------------------------------------------

# May stand between the entry and the probe: change no argument, no memory, not the stack pointer.
SKIPPED = {
	"nothing": "",
	"test": "test %di, %di",
	"compare": "cmp %si, %dx",
	"memory": "cmpw $0x7fff, placed_word(%rip)",
	"stack": "cmpw $0x100, 8(%rsp)",
	"copies": "mov %rdi, %rax; mov %r9, %r10; test %cx, %cx",
	"sum": "lea (%rdi,%rsi,2), %rax; imul %rdx, %rax; xor %r8, %rax",
	"vector": "movq %r9, %xmm0; movaps %xmm0, %xmm1; test %r8w, %r8w",
	"choice": "cmp %si, %di; cmovb %rcx, %rax; setae %r10b",
	"nops": "nopl 8(%rax,%rax); xchg %ax, %ax",
	"many": ".rept 14; lea 1(%r10), %r10; .endr; cmp %dx, %cx",
}

# What is probed, and what the function does with it. The flags are still those of the code before.
PUSHES = ("rbx", "rbp", "r12", "r15", "rax", "rdi", "r9", "rsp")
JUMPS = ("je", "jne.d32", "jb", "jbe.d32", "js", "jno", "jp", "jge", "jg.d32")

# Into rax. The mask takes out the flag that test and xor leave undefined.
FLAGS_AND_REGISTERS = """
	lea (%r10,%r11,2), %r11
	lea (%rax,%r11,4), %r11
	lahf
	seto %al
	movzwl %ax, %eax
	and $0xef01, %eax
	imul $31, %rax
	add %r11, %rax
	imul $31, %rax
	add %rbx, %rax
	rol $7, %rax
	xor %rbp, %rax
	rol $7, %rax
	add %r12, %rax
	rol $7, %rax
	xor %r13, %rax
	rol $7, %rax
	add %r14, %rax
	rol $7, %rax
	xor %r15, %rax
"""
ARGUMENTS = "".join(
	f"\timul $31, %rax\n\tadd %{register}, %rax\n"
	for register in ("rdi", "rsi", "rdx", "rcx", "r8", "r9")
)


def stack_arguments(depth):
	return "".join(f"\trol $5, %rax\n\txor {depth + at}(%rsp), %rax\n" for at in (8, 16, 24))


# Keeps the arguments below the stack pointer, where a probe in the middle of it might write.
RED_ZONE = (
	"".join(
		f"\tmov %{register}, -{8 + 24 * i}(%rsp)\n"
		for i, register in enumerate(("rdi", "rsi", "rdx", "rcx", "r8"))
	)
	+ "\txor %edi, %edi\n\txor %esi, %esi\n\txor %edx, %edx\n\txor %ecx, %ecx\n\txor %r8d, %r8d\n"
	+ "".join(f"\timul $31, %rax\n\tadd -{8 + 24 * i}(%rsp), %rax\n" for i in range(5))
)
LEAF = FLAGS_AND_REGISTERS + ARGUMENTS + RED_ZONE + stack_arguments(0) + "\tret\n"


def after_push(register):
	"""Looks at what was pushed, and calls something."""
	look = "rol $9, %rax; xor (%rsp), %rax"
	if register == "rsp":  # differs from run to run; it is that before the push
		look = "mov (%rsp), %rcx; sub %rsp, %rcx; add %rcx, %rax"
	leave = "add $8, %rsp"
	if register in ("rbx", "rbp", "r12", "r15"):
		leave = f"pop %{register}"
	return f"""{FLAGS_AND_REGISTERS}{ARGUMENTS}{stack_arguments(8)}
	{look}
	push %rax
	sub $8, %rsp
	call placed_helper
	add $8, %rsp
	pop %rcx
	add %rcx, %rax
	{leave}
	ret
"""


def probed_pieces():
	"""(name, code from the probed instruction on)"""
	for register in PUSHES:
		yield f"push_{register}", f"push %{register}\n{after_push(register)}"
	yield "nop", "nop\n" + LEAF
	yield "jmp", "jmp 1f\n\tud2\n1:\n" + LEAF
	yield "jmp_long", "jmp.d32 1f\n\tud2\n1:\n" + LEAF
	yield "jmp_away", "jmp placed_leaf\n"
	for jump in JUMPS:
		code = f"{jump} 1f\n\tlea 0x123(%r11), %r11\n1:\n{LEAF}"
		yield jump.replace(".d32", "_long"), code


# Probed at their entry: there is nothing better, or it is not safe to go there.
STAY = {
	"stack_first": "sub $24, %rsp\n\tadd $24, %rsp\n\tpush %rbx\n\tpop %rbx\n" + LEAF,
	"endbr_stack": "endbr64\n\tsub $24, %rsp\n\tadd $24, %rsp\n" + LEAF,
	"argument_first": "add $1, %rdi\n\tje 1f\n1:\n" + LEAF,
	"store_first": "mov %rdi, -8(%rsp)\n\tpush %rbx\n\tpop %rbx\n" + LEAF,
	"call_first": "call placed_nothing\n" + LEAF,
	"endbr_call": "endbr64\n\tcall placed_nothing\n" + LEAF,
	"leave_first": "mov %rdi, %rax\n\tret\n",
	"nop5_in_red_zone": "endbr64\n\tmov %rsi, -8(%rsp)\n\t.byte 0x0f,0x1f,0x44,0,0\n"
	"\txor %esi, %esi\n\tmov -8(%rsp), %rsi\n" + LEAF,
	"loop_to_probe": "endbr64\n1:\tpush %rbx\n\tpop %rbx\n\tsub $1, %di\n\tand $7, %di\n\tjne 1b\n"
	+ LEAF,
	"loop_before_probe": "endbr64\n1:\ttest $3, %di\n\tje 2f\n\tsub $1, %rdi\n\tjmp 1b\n2:\n"
	+ LEAF,
	"loop_elsewhere": "endbr64\n1:\ttest $3, %di\n\tjne 2f\n"
	+ LEAF
	+ "\t.pushsection .text.elsewhere, \"ax\"\n2:\tsub $1, %rdi\n\tjmp 1b\n\t.popsection\n",
	"table": "endbr64\n\ttest %di, %di\n\tje 1f\n1:\n\tmov %rdi, %r10\n\tand $3, %r10d\n"
	"\tlea 9f(%rip), %r11\n\tmovslq (%r11,%r10,4), %r10\n\tadd %r11, %r10\n\tjmp *%r10\n"
	"\t.pushsection .rodata\n9:\t.long 2f-9b, 3f-9b, 4f-9b, 3f-9b\n\t.popsection\n"
	"2:\tadd $5, %rsi\n3:\tadd $7, %rdx\n4:\txor %r10d, %r10d\n\txor %r11d, %r11d\n" + LEAF,
	"entered_by_others": "endbr64\n.Lothers_way:\tpush %rbx\n\tpop %rbx\n" + LEAF,
}

# Moved, though there is more to it.
MOVE = {
	"others_way": "test %di, %di\n{probe}\tjmp .Lothers_way\n",
	"jump_behind_probe": "endbr64\n{probe}\tpush %rbx\n1:\tsub $1, %di\n\tand $7, %di\n\tjne 1b\n"
	"\tpop %rbx\n" + LEAF,
	"nop5_first": ".byte 0x0f,0x1f,0x44,0,0\n{probe}\tpush %rbx\n\tpop %rbx\n" + LEAF,
	"nop5_behind_endbr": "endbr64\n\t.byte 0x0f,0x1f,0x44,0,0\n{probe}\tpush %rbx\n\tpop %rbx\n"
	+ LEAF,
}

HELPERS = f"""
	.text
placed_nothing:
	ret
placed_helper:
	mov $3, %eax
	mov $5, %edx
	xor %ecx, %ecx
	xor %esi, %esi
	xor %edi, %edi
	xor %r8d, %r8d
	xor %r9d, %r9d
	xor %r10d, %r10d
	xor %r11d, %r11d
	ret
placed_leaf:
{LEAF}
	.lcomm placed_word, 8
	.section .note.GNU-stack, "", @progbits
"""


def assembler_pieces():
	"""(name, code), with {probe} where the probe belongs."""
	probed = list(probed_pieces())
	for (begin, skipped), (name, code) in itertools.product(SKIPPED.items(), probed):
		yield f"{begin}_{name}", f"{skipped}\n{{probe}}\t{code}"
		yield f"endbr_{begin}_{name}", f"endbr64\n\t{skipped}\n{{probe}}\t{code}"
	for name, code in STAY.items():
		yield name, "{probe}\t" + code
	yield from MOVE.items()


def write_assembler(path):
	"""Returns the names. The section placed_probes holds the places of the probes."""
	names = []
	with open(path, "w", encoding="ascii") as file:
		file.write("\t.section placed_probes, \"\", @progbits\n\t.text\n")
		for name, code in assembler_pieces():
			symbol = f"asm_{name}"
			probe = f"\n.Lprobe_{symbol}:"
			body = code.replace("{probe}", probe)
			file.write(
				f"\t.p2align 4\n\t.globl {symbol}\n\t.type {symbol}, @function\n"
				f"{symbol}:\t{body}\t.size {symbol}, . - {symbol}\n"
				f"\t.pushsection placed_probes\n\t.long .Lprobe_{symbol} - {symbol}\n"
				"\t.popsection\n"
			)
			names.append(symbol)
		file.write(HELPERS)
	return names


# ---- C ----------------------------------------------------------------------------------------

# LOW takes the 16 bits of an argument that differ from call to call.
C_SOURCE = r"""
#include <errno.h>
#define NAME2(prefix, name) prefix##_##name
#define NAME1(prefix, name) NAME2(prefix, name)
#define NAME(name) NAME1(PREFIX, name)
#define LOW(x) ((x) & 0xffff)
#define PARAMETERS long a, long b, long c, long d, long e, long f, long g, long h, long i
#define PASSED a, b, c, d, e, f, g, h, i
#define SUM (a + 3 * b + 5 * c + 7 * d + 11 * e + 13 * f + 17 * g + 19 * h + 23 * i)
#define APART static __attribute__((noinline))

static volatile long word = 77;
APART long helper(long a, long b) { return a * 31 ^ (b + word); }
APART long all(PARAMETERS) { return SUM; }
static long (*volatile chosen)(PARAMETERS) = all;

long NAME(leaf)(PARAMETERS) { return SUM; }
long NAME(calls)(PARAMETERS) { return helper(SUM, a) + helper(b ^ c, SUM) * d; }
long NAME(checked)(PARAMETERS)
{
	if (!LOW(a))
		return -b;
	if (word == 78)
		return c;
	return LOW(f) < LOW(e) ? helper(SUM, d) : SUM;
}
long NAME(loops)(PARAMETERS)
{
	long n = LOW(b), sum = 0;

	while (n) {
		sum += helper(n, a) ^ c;
		n >>= 3;
	}
	return sum + SUM;
}
long NAME(counts)(PARAMETERS)
{
	long n = 0;

	do {
		n = n * 5 + LOW(c);
		c >>= 4;
	} while (c);
	return n ^ SUM;
}
long NAME(chooses)(PARAMETERS)
{
	switch (LOW(d)) {
	case 0: return helper(a, 7) + SUM;
	case 1: return helper(b, 9) * 3;
	case 2: return SUM ^ 0x55;
	case 3: return SUM - helper(c, 1);
	case 4: return a;
	case 0xffff: return helper(helper(e, f), SUM);
	default: return -SUM;
	}
}
long NAME(passes_on)(PARAMETERS) { return all(b, a, d, c, f, e, h, g, i); }
long NAME(passes_on_if)(PARAMETERS) { return LOW(a) & 1 ? all(PASSED) : helper(a, b) + SUM; }
long NAME(by_pointer)(PARAMETERS) { return chosen(PASSED); }
long NAME(locals)(PARAMETERS)
{
	volatile unsigned char text[48];
	long sum = SUM;

	for (int n = 0; n < 48; n++)
		text[n] = (unsigned char)(sum >> n % 7 * 8);
	for (int n = 0; n < 48; n++)
		sum = sum * 33 + text[n];
	return sum;
}
long NAME(sized)(PARAMETERS)
{
	volatile unsigned char text[1 + (LOW(e) & 63)];

	for (unsigned n = 0; n < sizeof(text); n++)
		text[n] = (unsigned char)(a >> n % 5 * 8);
	return SUM + text[sizeof(text) / 2] + helper(text[0], b);
}
long NAME(fails)(PARAMETERS)
{
	errno = helper(SUM, a) == 7 ? EPERM : ENOTTY;
	return -1;
}
double NAME(real)(PARAMETERS) { return (double)SUM * 1.5 + (double)LOW(a); }
long NAME(rare)(PARAMETERS)
{
	long n;

	for (n = LOW(f) & 15; n < 20; n++)
		if (__builtin_expect(((a >> n) & 31) == 7, 0))
			b += helper(n, c);
	return SUM + n;
}
"""
C_NAMES = (
	"leaf calls checked loops counts chooses passes_on passes_on_if by_pointer locals sized real "
	"rare fails"
).split()

C_FLAGS = {
	"full": "-fcf-protection=full -fomit-frame-pointer",
	"guard": "-fcf-protection=full -fstack-protector-all -fno-omit-frame-pointer",
	"none": "-fcf-protection=none -fno-stack-protector -fomit-frame-pointer",
}


def compile_c(directory):
	"""Returns the object files and the names."""
	with open(os.path.join(directory, "functions.c"), "w", encoding="ascii") as file:
		file.write(C_SOURCE)
	objects, names = [], []
	for compiler, level, flags in itertools.product(("gcc", "clang"), range(4), C_FLAGS):
		prefix = f"{compiler}_{level}_{flags}"
		command = f"{compiler} -w -O{level} {C_FLAGS[flags]} -fPIC -DPREFIX={prefix} -c functions.c"
		subprocess.run([*command.split(), "-o", f"{prefix}.o"], cwd=directory, check=True)
		objects.append(f"{prefix}.o")
		names += [f"{prefix}_{name}" for name in C_NAMES]
	return objects, names


# ---- the library ------------------------------------------------------------------------------


def write_table(path, names):
	with open(path, "w", encoding="ascii") as file:
		file.writelines(f"void {name}(void);\n" for name in names)
		file.write("void (*const placed_functions[])(void) = {\n")
		file.writelines(f"\t{name},\n" for name in names)
		file.write(f"}};\nconst unsigned placed_count = {len(names)};\n")


def read_probes(directory, library):
	command = ["objcopy", "-O", "binary", "--only-section=placed_probes", library, "probes"]
	command.insert(1, "--set-section-flags=placed_probes=alloc")
	subprocess.run(command, cwd=directory, check=True)
	with open(os.path.join(directory, "probes"), "rb") as file:
		return [offset for (offset,) in struct.iter_unpack("<I", file.read())]


def build(directory):
	"""Returns the path of the library, and its functions in the order in which they are called."""
	asm_names = write_assembler(os.path.join(directory, "functions.s"))
	objects, c_names = compile_c(directory)
	write_table(os.path.join(directory, "table.c"), asm_names + c_names)
	library = os.path.join(directory, "placed.so")
	subprocess.run(
		["gcc", "-shared", "-fPIC", "-Wl,-Bsymbolic", "-o", library]
		+ ["functions.s", "table.c", *objects],
		cwd=directory,
		check=True,
	)
	probes = read_probes(directory, library)
	functions = [Function(name, probe) for name, probe in zip(asm_names, probes, strict=True)]
	return library, functions + [Function(name, None) for name in c_names]
