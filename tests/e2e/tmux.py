# SPDX-License-Identifier: Apache-2.0
"""A program on a terminal, driven and watched by way of tmux.

	with tmux.Terminal([lib.TAPMETER, "top"]) as terminal:
		terminal.wait_for("KERNEL")
		terminal.press("q")
		assert terminal.ended() == 0
"""
import os
import shlex
import subprocess
import tempfile

import lib


class Terminal:
	def __init__(self, argv, columns=80, rows=24, **env):
		self.directory = tempfile.mkdtemp(prefix="tapmeter-tmux-")
		self.socket = os.path.join(self.directory, "socket")
		self.status = os.path.join(self.directory, "status")
		settings = " ".join(f"{name}={shlex.quote(value)}" for name, value in env.items())
		command = f"env {settings} {shlex.join(argv)}; echo $? >{self.status}.new; mv {self.status}.new {self.status}; sleep 1000"
		self.tmux("new-session", "-d", "-x", str(columns), "-y", str(rows), command)

	def tmux(self, *args):
		result = subprocess.run(
			["tmux", "-u", "-f", "/dev/null", "-S", self.socket, *args],
			stdout=subprocess.PIPE,
			stderr=subprocess.STDOUT,
			timeout=20,
		)
		text = result.stdout.decode()
		assert result.returncode == 0, f"tmux {args}: {text}"
		return text

	def press(self, *keys):
		self.tmux("send-keys", *keys)

	def type(self, text):
		self.tmux("send-keys", "-l", "--", text)

	def resize(self, columns, rows):
		self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

	def screen(self, *flags):
		"""What is seen: a text for each line."""
		return self.tmux("capture-pane", "-p", *flags).split("\n")[:-1]

	def wait_for(self, *texts, gone=(), timeout=20):
		"""Until all of the texts are seen and none of those that have to go. Whether it came to that."""

		def is_so():
			seen = "\n".join(self.screen())
			return all(text in seen for text in texts) and not any(text in seen for text in gone)

		return bool(lib.wait_until(is_so, timeout))

	def ended(self):
		"""The program's exit status, once it has ended; None if it does not."""
		if not lib.wait_until(lambda: os.path.exists(self.status)):
			return None
		with open(self.status) as file:
			return int(file.read())

	def __enter__(self):
		return self

	def __exit__(self, *_):
		self.tmux("kill-server")
		for name in os.listdir(self.directory):
			os.unlink(os.path.join(self.directory, name))
		os.rmdir(self.directory)
