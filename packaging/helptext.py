# SPDX-License-Identifier: Apache-2.0
"""What `tapmeter help` says, taken apart: the one source of man pages and completions.

user/util/help.c writes it, always in the same form; whatever is not understood is an error.
"""
import collections
import re
import subprocess

WIDTH = 80  # of the lines that help.c makes

# `metavar` is None for a flag that takes no value, `choices` a list if it takes one of these words.
Option = collections.namedtuple("Option", "group name letter metavar choices help default")
Command = collections.namedtuple("Command", "name summary arguments description options exits")


def run(tapmeter, *words):
	return subprocess.run(
		[tapmeter, *words], stdout=subprocess.PIPE, check=True, text=True, timeout=30
	).stdout


def unwrap(lines):
	"""Paragraphs. A line that had room for the next one's first word was the end of one."""
	paragraphs, last = [], None
	for line in lines:
		first = line.split(" ", 1)[0]
		if last is None or len(last) + 1 + len(first) <= WIDTH:
			paragraphs.append(line)
		else:
			paragraphs[-1] += " " + line
		last = line
	return paragraphs


def parse_option(group, head, body):
	match = re.fullmatch(r"(?:-(\w), )?--([a-z0-9.-]+)(?:=(\S.*))?", head)
	assert match, f"not to be understood: {head!r}"
	letter, name, metavar = match.groups()
	default = re.search(r" \(default: (.*)\)$", body)
	choices = metavar.split("|") if metavar and re.fullmatch(r"[a-z0-9|]+", metavar) else None
	return Option(group, name, letter, metavar, choices, body, default and default[1])


def parse_options(blocks):
	for block in blocks:
		group, *lines = block.split("\n")
		assert group.endswith(":"), f"not a heading: {group!r}"
		found = []
		for line in lines:
			# A flag begins in column 2, its help in column 26 of the same line or the next.
			if re.match(r"  -", line):
				head, _, body = line.strip().partition("  ")
				found.append([head, body.strip()])
			else:
				assert line.startswith(" " * 26), f"not to be understood: {line!r}"
				found[-1][1] = f"{found[-1][1]} {line.strip()}".strip()
		for head, body in found:
			yield parse_option(group[:-1], head, body)


def parse_command(name, summary, text):
	usage, *blocks = text.rstrip("\n").split("\n\n")
	assert usage.startswith(f"usage: tapmeter {name}"), usage
	assert blocks[-1].startswith("Exit status:\n"), blocks[-1]
	exits = dict(re.findall(r"^  (\d)  (.*)$", blocks.pop(), re.MULTILINE))
	headings = [i for i, block in enumerate(blocks) if re.match(r".*:\n  +-", block)]
	first = headings[0] if headings else len(blocks)
	description = [p for block in blocks[:first] for p in unwrap(block.split("\n"))]
	arguments = usage[len(f"usage: tapmeter {name}") :].strip()
	options = list(parse_options(blocks[first:]))
	return Command(name, summary, arguments, description, options, exits)


def read(tapmeter):
	"""(what tapmeter is, its commands in their order)"""
	text = run(tapmeter, "help")
	listed = re.findall(r"^  (\w+) +(\S.*)$", text, re.MULTILINE)
	about = unwrap(text.split("\n\n")[1].split("\n"))
	return about, [
		parse_command(name, summary, run(tapmeter, "help", name)) for name, summary in listed
	]
